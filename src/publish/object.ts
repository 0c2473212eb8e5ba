import { RemoteFailure } from "../keys/remote.ts";
import { urlPath } from "../keys/url-path.ts";

/**
 * Refuses what would lead an upload to another place of the store than the rule says.
 *
 * @param bucket a name, or for Amazon the ARN of an access point
 * @throws {RemoteFailure}
 */
export function checkObject(bucket: string, key: string): void {
  if (!/^(?:[\w][\w.-]*|arn:[\w:/-]+)$/.test(bucket))
    throw new RemoteFailure(
      `${JSON.stringify(bucket)} is not a valid bucket name`,
      "correct it in the destination rule",
    );
  urlPath(key, "name of the object", { emptyAllowed: true });
}
