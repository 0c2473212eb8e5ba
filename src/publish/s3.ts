import { absent } from "../io/optional-package.ts";
import { onWire, RemoteFailure } from "../keys/remote.ts";
import { checkObject } from "./object.ts";
import type { FileDestination, Outcome } from "./destination.ts";

/** Amazon S3 through Amazon's SDK and its chain of credentials; no ACL and no encryption header, as in sops. */
export const s3: FileDestination = {
  field: "s3_bucket",
  takes: "file",
  locate: ({ s3_bucket, s3_prefix }, name) => `s3://${s3_bucket}/${s3_prefix}${name}`,
  upload: (bytes, rule, name, host) =>
    onWire<Outcome>(host, `Failed to upload to ${s3.locate(rule, name, host)}: `, async () => {
      checkObject(rule.s3_bucket, `${rule.s3_prefix}${name}`);
      const { PutObjectCommand, S3Client } = await import("@aws-sdk/client-s3").catch(
        absent("@aws-sdk/client-s3"),
      );
      const client = new S3Client({ followRegionRedirects: true });
      try {
        await client.send(
          new PutObjectCommand({
            Bucket: rule.s3_bucket,
            Key: `${rule.s3_prefix}${name}`,
            Body: bytes,
          }),
        );
        return "uploaded";
      } catch (error) {
        const said = error instanceof Error ? error : new Error("unknown error");
        throw new RemoteFailure(`${said.name}: ${said.message}`, remedyFor(said));
      } finally {
        client.destroy();
      }
    }),
};

function remedyFor({ name, message }: Error): string {
  if (message.startsWith("Region ")) return "set AWS_REGION, or region in ~/.aws/config";
  if (name === "CredentialsProviderError")
    return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or log in with aws sso login";
  if (/E(CONNREFUSED|NOTFOUND|AI_AGAIN)/.test(message))
    return "check the network, the proxy variables, AWS_REGION and AWS_ENDPOINT_URL";
  return "check the bucket's name and region, the AWS credentials and their permission s3:PutObject";
}
