import { resolve } from "node:path";
import { formatForPath } from "../../formats/index.ts";
import { decryptDocuments } from "../decrypt.ts";
import { SopsmithError } from "../errors.ts";
import type { AuditAction } from "../io/host.ts";
import { digestsOf } from "../people/digests.ts";
import type { Digests } from "../people/history.ts";
import { sealedFormat } from "../status.ts";
import type { Call } from "./command.ts";
import { keyServices } from "./key-services.ts";
import { openOrder } from "./open-order.ts";
import { warn } from "./warn.ts";

/** Opens versions of files, and tells in one line of those that it could not. */
export async function versionOpener(
  call: Call,
): Promise<{ readonly digests: Digests; readonly tell: () => void }> {
  const { host, streams } = call;
  const services = await keyServices(call);
  const order = openOrder(call);
  const key = host.randomBytes(32);
  const failed: string[] = [];
  const digests: Digests = async (content, file) => {
    const input = (await sealedFormat(content, formatForPath(file))) ?? formatForPath(file);
    const audit = (action: AuditAction) =>
      host.audit?.(action, resolve(host.cwd(), file)) ?? Promise.resolve();
    const quiet = { indent: undefined, ignoreMac: true, audit, warn: () => undefined };
    try {
      const documents = await decryptDocuments(
        content,
        { file, input, output: input, order, services, ...quiet },
        host,
      );
      return digestsOf(documents, key);
    } catch (error) {
      if (!(error instanceof SopsmithError)) throw error;
      const [reason = ""] = error.message.split("\n");
      failed.push(`${file}: ${reason}`);
      return undefined;
    }
  };
  const tell = (): void => {
    key.fill(0);
    const [first] = failed;
    if (first !== undefined)
      warn(
        streams,
        `--exact could not open ${failed.length === 1 ? "1 version" : `${failed.length} versions`}, whose values are compared by their nonces: ${first}`,
      );
  };
  return { digests, tell };
}
