import type { KeyProvider } from "../provider.ts";
import { hostname } from "node:os";
import { Readable } from "node:stream";
import type * as Kms from "@aws-sdk/client-kms";
import type { HttpResponse } from "../../io/host.ts";
import { absent } from "../../io/optional-package.ts";
import { withAbsolutePath } from "../../io/program-path.ts";
import type { Mapping } from "../../tree/node.ts";
import { readText, readTextMap } from "../../tree/typed-fields.ts";
import { RemoteFailure, remoteKeys, type Wire } from "../remote.ts";

const calls: Pick<KeyProvider, "wrap" | "unwrap"> = remoteKeys({
  failed: (verb) => `failed to ${verb} sops data key with AWS KMS: `,
  async wrap(fields, part, wire) {
    const { sdk, client, failure } = await connect(fields, wire);
    const blob = await client
      .send(
        new sdk.EncryptCommand({
          KeyId: readText(fields, "arn"),
          Plaintext: part,
          EncryptionContext: contextOf(fields),
        }),
        { abortSignal: wire.signal },
      )
      .then(({ CiphertextBlob }) => CiphertextBlob, failure);
    if (blob === undefined) throw noResult();
    return Buffer.from(blob).toString("base64");
  },
  async unwrap(fields, enc, wire) {
    const { sdk, client, failure } = await connect(fields, wire);
    const blob = decodeBlob(enc);
    const open = (context: Record<string, string>) =>
      client.send(
        new sdk.DecryptCommand({
          KeyId: readText(fields, "arn"),
          CiphertextBlob: blob,
          EncryptionContext: context,
        }),
        { abortSignal: wire.signal },
      );
    const context = contextOf(fields);
    const { Plaintext: part } = await open(context)
      .catch((error: unknown) => openWithOldContext(error, context, open))
      .catch(failure);
    if (part === undefined) throw noResult();
    return part;
  },
});
export const wrap: KeyProvider["wrap"] = calls.wrap;
export const unwrap: KeyProvider["unwrap"] = calls.unwrap;

const contextOf = (fields: Mapping): Record<string, string> =>
  Object.fromEntries(
    [...readTextMap(fields, "context")].map(([name, value]) => [name, value ?? ""]),
  );

const noResult = () => new RemoteFailure("AWS KMS answered without a result", "try again");

function decodeBlob(enc: string): Uint8Array {
  if (enc !== "" && /^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(enc))
    return new Uint8Array(Buffer.from(enc, "base64"));
  throw new RemoteFailure(
    "error base64-decoding encrypted data key",
    "restore the `sops` block from version control",
    "damaged",
  );
}

/** sops before 3.3.0 sometimes wrapped with one value of the context in the place of all (spec keys 5.2). */
async function openWithOldContext<T>(
  error: unknown,
  context: Record<string, string>,
  open: (context: Record<string, string>) => Promise<T>,
): Promise<T> {
  const values = new Set(Object.values(context));
  const isMismatch = error instanceof Error && error.name === "InvalidCiphertextException";
  if (!isMismatch || values.size < 2) throw error;
  for (const value of values) {
    const same = Object.fromEntries(Object.keys(context).map((name) => [name, value]));
    try {
      return await open(same);
    } catch {
      // The first failure says more about the file.
    }
  }
  throw error;
}

// The region becomes part of a host name.
const ARN_PATTERN = /^arn:aws[\w-]*:kms:([\w-]+):[0-9]+:(?:key|alias)\/.+$/;

interface Connection {
  sdk: typeof Kms;
  client: Kms.KMSClient;
  /** Throws what an error of the SDK means. */
  failure(error: unknown): never;
}

async function connect(fields: Mapping, wire: Wire): Promise<Connection> {
  const arn = readText(fields, "arn");
  const region = ARN_PATTERN.exec(arn)?.[1];
  if (region === undefined)
    throw new RemoteFailure(
      `no valid ARN found in '${arn}'`,
      "correct it: arn:aws:kms:REGION:ACCOUNT:key/ID or arn:aws:kms:REGION:ACCOUNT:alias/NAME",
    );
  const sdk = await import("@aws-sdk/client-kms").catch(absent("@aws-sdk/client-kms"));
  const profile = readText(fields, "aws_profile");
  const role = readText(fields, "role");
  const requestHandler = new WireHandler(wire);
  const own = await credentials(profile, region, requestHandler, wire);
  const explain = (error: unknown, prefix = ""): never => {
    throw awsFailure(error, { profile, prefix, wire, answer: requestHandler.answer });
  };
  const client = new sdk.KMSClient({
    region,
    requestHandler,
    maxAttempts: 3,
    ...(profile === "" ? {} : { profile }),
    credentials: own,
    logger: silent,
  });
  if (role !== "") {
    const { fromTemporaryCredentials } = await loadProviders();
    const assume = fromTemporaryCredentials({
      masterCredentials: own,
      params: { RoleArn: role, RoleSessionName: sessionName() },
      clientConfig: { region, requestHandler, maxAttempts: 3 },
      logger: silent,
    });
    const assumed = await assume().catch((error: unknown) =>
      explain(error, `failed to assume role '${role}': `),
    );
    hideCredentials(assumed, wire);
    client.config.credentials = () => Promise.resolve(assumed);
  }
  return { sdk, client, failure: explain };
}

const loadProviders = () =>
  import("@aws-sdk/credential-providers").catch(absent("@aws-sdk/credential-providers"));

/** The SDK's warnings are not for the users of this program. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

function hideCredentials({ secretAccessKey, sessionToken }: Credentials, wire: Wire): void {
  wire.hide(secretAccessKey);
  wire.hide(sessionToken);
}

/**
 * Where credentials come from, in the order of Go's SDK: a profile that the key names, variables, a web identity, then
 * what the SDK's own chain finds.
 */
async function credentials(
  profile: string,
  region: string,
  requestHandler: WireHandler,
  wire: Wire,
): Promise<Credentials | (() => Promise<Credentials>)> {
  const { env } = wire.host;
  const accessKeyId = env["AWS_ACCESS_KEY_ID"] || env["AWS_ACCESS_KEY"];
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"] || env["AWS_SECRET_KEY"];
  const sessionToken = env["AWS_SESSION_TOKEN"];
  if (profile === "" && accessKeyId && secretAccessKey) {
    const found = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    hideCredentials(found, wire);
    return found;
  }
  const { fromNodeProviderChain, fromTokenFile } = await loadProviders();
  const common = { clientConfig: { requestHandler }, logger: silent };
  const hasWebIdentity = env["AWS_WEB_IDENTITY_TOKEN_FILE"] && env["AWS_ROLE_ARN"];
  const chosen = profile || env["AWS_PROFILE"] || env["AWS_DEFAULT_PROFILE"];
  const chain =
    profile === "" && hasWebIdentity
      ? fromTokenFile({ ...common, clientConfig: { requestHandler, region } })
      : fromNodeProviderChain({
          ...common,
          ...(chosen ? { profile: chosen } : {}),
          parentClientConfig: { region, requestHandler },
          // Of the instance's metadata: it answers at once, or is not there.
          timeout: 600,
          maxRetries: 0,
        });
  return async () => {
    const found = await withAbsolutePath(chain);
    hideCredentials(found, wire);
    return found;
  };
}

/** As sops names its sessions; a hyphen is outside the class that it keeps. */
function sessionName(): string {
  return `sops@${hostname().replaceAll(/[^a-zA-Z0-9=,.@-_]/g, "")}`.slice(0, 64);
}

/** The transport of the SDK's clients: the host's own, with its proxy, certificates and time limits. */
class WireHandler {
  readonly metadata = { handlerProtocol: "http/1.1" };
  /** The last one that came. */
  answer: HttpResponse | undefined;
  private readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  async handle(request: SdkRequest): Promise<{ response: SdkResponse }> {
    const { protocol, hostname: name, port, path, method, headers, body } = request;
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(request.query ?? {}))
      for (const one of Array.isArray(value) ? value : [value ?? ""]) query.append(key, one);
    const at = port === undefined ? name : `${name}:${port}`;
    const url = `${protocol}//${at}${path}${query.size === 0 ? "" : `?${query.toString()}`}`;
    const answer = await this.wire.send({ method, url, headers, body });
    this.answer = answer;
    return {
      response: {
        statusCode: answer.status,
        headers: { ...answer.headers },
        body: Readable.from([Buffer.from(answer.body)]),
      },
    };
  }

  destroy(): void {}

  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

interface SdkRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

interface SdkResponse {
  statusCode: number;
  headers: Record<string, string>;
  body: Readable;
}

const RENEW = "renew the credentials (aws sso login, or a new AWS_SESSION_TOKEN)";

/** What to do for an error, by its name in the service's model. */
const remedies: readonly [RegExp, string, ("damaged" | "missing")?][] = [
  [/^ExpiredToken|^RequestExpired|^TokenRefreshRequired/, RENEW],
  [
    /^UnrecognizedClient|^InvalidClientTokenId|^InvalidSignature|^SignatureDoesNotMatch|^IncompleteSignature|^MissingAuthenticationToken|^InvalidAccessKeyId/,
    "check the access key and its secret, and the clock of this machine",
  ],
  [
    /^AccessDenied/,
    "let these credentials use the key (kms:Encrypt, kms:Decrypt) or assume the role, or use others",
  ],
  [/^DisabledException/, "enable the key: aws kms enable-key"],
  [/^KMSInvalidState/, "cancel the key's deletion and enable it, or use another key"],
  [/^NotFound/, "check the ARN, its region and its account"],
  [
    /^InvalidCiphertext|^IncorrectKey/,
    "restore the `sops` block from version control: the key's ARN, context or wrapped data key is not what it was",
    "damaged",
  ],
  [/^Throttling|^LimitExceeded|^KMSInternal|^DependencyTimeout|^KeyUnavailable/, "try again later"],
];

function awsFailure(
  error: unknown,
  {
    profile,
    prefix,
    wire,
    answer,
  }: { profile: string; prefix: string; wire: Wire; answer: HttpResponse | undefined },
): unknown {
  if (error instanceof RemoteFailure)
    return new RemoteFailure(`${prefix}${error.message}`, error.remedy, error.failure, error.cause);
  if (!(error instanceof Error) || isOwn(error)) return error;
  const { name, message } = error.name === "SyntaxError" ? unexpected(answer) : error;
  if (name === "CredentialsProviderError" || name === "TokenProviderError")
    return credentialsFailure(message, prefix, profile, wire);
  const [, remedy = "see what AWS says about this error", failure] =
    remedies.find(([pattern]) => pattern.test(name)) ?? [];
  const said = message === "" || message === "UnknownError" ? name : `${name}: ${message}`;
  return new RemoteFailure(`${prefix}${said}`, remedy, failure);
}

/** An answer that is no JSON: of a proxy, or in the form of AWS's older services. */
function unexpected(answer: HttpResponse | undefined): { name: string; message: string } {
  const body = Buffer.from(answer?.body ?? []).toString("utf8");
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1];
  return {
    name: field("Code") ?? `status ${answer?.status}`,
    message: field("Message") ?? "something other than the expected JSON",
  };
}

/** An error of the program, which it must not take for the service's. */
function isOwn(error: Error): boolean {
  return error instanceof TypeError || error instanceof RangeError || "remedy" in error;
}

function credentialsFailure(
  message: string,
  prefix: string,
  profile: string,
  { host }: Wire,
): RemoteFailure {
  const chosen = profile || host.env["AWS_PROFILE"];
  if (/expired|aws sso login/i.test(message)) {
    const login = `aws sso login${chosen ? ` --profile ${chosen}` : ""}`;
    return new RemoteFailure(
      `${prefix}the SSO session has expired or was never started`,
      `run ${login}`,
    );
  }
  const isUnknown = /^Could not load credentials|could not be found|^EC2 Instance Metadata/i.test(
    message,
  );
  if (!isUnknown && !/parse|JSON/i.test(message))
    return new RemoteFailure(
      `${prefix}no AWS credentials: ${message}`,
      chosen ? `fix the profile ${chosen}` : "fix the credential source",
    );
  return new RemoteFailure(
    `${prefix}no AWS credentials were found${chosen ? ` for profile ${chosen}` : ""}`,
    chosen
      ? `add the profile ${chosen} with aws configure --profile ${chosen}, or name another`
      : "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or log in with aws sso login",
    "missing",
  );
}
