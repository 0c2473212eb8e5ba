import { generateHybridIdentity } from "age-encryption";
import { expect, test, vi } from "vitest";
import { DataKeyError, parseDecryptionOrder, recoverDataKey } from "../../src/data-key/recover.ts";
import { createDataKey, wrapDataKey, type WrapError } from "../../src/data-key/wrap.ts";
import { localKeyService, type KeyService } from "../../src/key-service/key-service.ts";
import { provider } from "../../src/keys/index.ts";
import {
  KeySyntaxError,
  UnwrapError,
  type KeyGroup,
  type KeyType,
  type MasterKey,
} from "../../src/keys/provider.ts";
import { alice, bob, fakeHost } from "../keys/fake-host.ts";

const host = fakeHost();
const group = async (...keys: [KeyType, string][]): Promise<KeyGroup> =>
  (await Promise.all(keys.map(async ([type, text]) => provider(type).parse(text, host)))).flat();
const services = [localKeyService];
const file = { file: "secrets.yaml", order: ["age", "pgp"], services };
const withKey = (identity: string) => fakeHost({ env: { SOPS_AGE_KEY: identity } });
const recover = (
  keyGroups: KeyGroup[],
  shamirThreshold: number,
  by = host,
  options: { file: string; order: readonly string[]; services: readonly KeyService[] } = file,
) => recoverDataKey({ keyGroups, shamirThreshold }, options, by);
const reportOf = async (recovery: Promise<unknown>): Promise<string> => {
  const error: unknown = await recovery.catch((thrown: unknown) => thrown);
  if (error instanceof DataKeyError && error.exitCode === 128) return error.message;
  throw new Error("expected a DataKeyError", { cause: error });
};

test("every key of a single group opens the file", async () => {
  const keys = await group(["age", `${alice.recipient},${bob.recipient}`]);
  const { dataKey, threshold } = await createDataKey([keys], 0, services, host);
  expect(dataKey).toHaveLength(32);
  expect(threshold).toBe(0);
  for (const { identity } of [alice, bob])
    expect(await recover([keys], 0, withKey(identity))).toEqual(dataKey);
});

test("a threshold given with a single group is kept and ignored", async () => {
  const keys = await group(["age", alice.recipient]);
  const { dataKey, threshold } = await createDataKey([keys], 7, services, host);
  expect(threshold).toBe(7);
  expect(await recover([keys], 7, withKey(alice.identity))).toEqual(dataKey);
});

test("several groups share the data key, by default all are needed", async () => {
  const groups = [await group(["age", alice.recipient]), await group(["age", bob.recipient])];
  const { dataKey, threshold } = await createDataKey(groups, 0, services, host);
  expect(threshold).toBe(2);
  expect(await recover(groups, 2, withKey(`${alice.identity} ${bob.identity}`))).toEqual(dataKey);
  const report = await reportOf(recover(groups, 2, withKey(alice.identity)));
  expect(report).toContain("\n1 of 2 key groups opened; 2 are needed.\n");
  expect(report).toContain("\nGroup 0: SUCCESS\nGroup 1: FAILED\n");
});

test("a threshold below the number of groups is enough", async () => {
  const groups = [
    await group(["age", alice.recipient]),
    await group(["pgp", "AB"], ["age", bob.recipient]),
    await group(["age", bob.recipient]),
  ];
  const stored = groups[1] ?? [];
  const usable = [groups[0] ?? [], stored.filter(({ type }) => type === "age"), groups[2] ?? []];
  const { dataKey } = await createDataKey(usable, 2, services, host);
  expect(await recover(groups, 2, withKey(`${alice.identity} ${bob.identity}`))).toEqual(dataKey);
  expect(await recover(groups, 2, withKey(bob.identity))).toEqual(dataKey);
});

test("without a stored threshold one group of several is too few to combine", async () => {
  const groups = [await group(["age", alice.recipient]), await group(["age", bob.recipient])];
  await createDataKey(groups, 0, services, host);
  expect(await reportOf(recover(groups, 0, withKey(alice.identity)))).toContain(
    "could not get data key from shamir parts: less than two parts cannot be used to reconstruct the secret",
  );
});

test.each<[string, number, string[], string]>([
  ["no group", 0, [], "Could not generate data key: [no key groups provided]"],
  ["an empty group", 0, [""], "Could not generate data key: [empty key group provided]"],
  [
    "a threshold of 1",
    1,
    [alice.recipient, bob.recipient],
    "Could not generate data key: [could not split data key into parts for Shamir: threshold must be at least 2]",
  ],
  [
    "a threshold above the number of groups",
    3,
    [alice.recipient, bob.recipient],
    "Could not generate data key: [could not split data key into parts for Shamir: parts cannot be less than threshold]",
  ],
])("refuses %s", async (_, threshold, recipients, message) => {
  const groups = await Promise.all(recipients.map((recipient) => group(["age", recipient])));
  await expect(createDataKey(groups, threshold, services, host)).rejects.toMatchObject({
    exitCode: 1,
    message,
  });
});

test("names every key that cannot wrap, and then changes no key", async () => {
  const keys = await group(["pgp", "AB"], ["age", alice.recipient], ["gcp_kms", "projects/p"]);
  await expect(wrapDataKey(new Uint8Array(32), [keys], 0, services, host)).rejects.toMatchObject({
    exitCode: 1,
    reasons: [
      `failed to encrypt new data key with master key "AB": failed to encrypt sops data key with pgp: gpg was not found; install GnuPG, or name its program with SOPS_GPG_EXEC`,
      `failed to encrypt new data key with master key "projects/p": failed to encrypt sops data key with GCP KMS key: no valid resource ID found in "projects/p"; correct it: projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version`,
    ],
  });
  expect(keys.map(({ enc }) => enc)).toEqual([undefined, undefined, undefined]);
});

test("a key that opened ends the search in its group", async () => {
  const keys = await group(["age", alice.recipient], ["age", alice.recipient]);
  await createDataKey([keys], 0, services, host);
  const command = fakeHost({
    env: { SOPS_AGE_KEY_CMD: "show" },
    run: () => ({ stdout: Buffer.from(alice.identity), status: 0, signal: undefined }),
  });
  await recover([keys], 0, command);
  expect(command.log.filter((line) => line.startsWith("run"))).toHaveLength(1);
});

test("keys are tried in the decryption order, unnamed types last and in file order", async () => {
  const keys = await group(
    ["gcp_kms", "projects/p"],
    ["hckms", "a:b"],
    ["pgp", "AB"],
    ["age", bob.recipient],
  );
  const tried = async (order: readonly string[]) =>
    [
      ...(await reportOf(recover([keys], 0, host, { ...file, order }))).matchAll(
        /^ {2}(\S+): FAILED/gm,
      ),
    ].map((match) => match[1]);
  expect(await tried(parseDecryptionOrder(undefined))).toEqual([
    bob.recipient,
    "AB",
    "projects/p",
    "a:b",
  ]);
  expect(await tried(parseDecryptionOrder("hckms,nonsense"))).toEqual([
    "a:b",
    "projects/p",
    "AB",
    bob.recipient,
  ]);
});

test("a decryption order may be empty, but names no type twice", () => {
  expect(parseDecryptionOrder("")).toEqual(["age", "pgp"]);
  expect(parseDecryptionOrder("age, age")).toEqual(["age", " age"]);
  expect(() => parseDecryptionOrder("pgp,age,pgp")).toThrow("Duplicate decryption key type: pgp");
});

test("the report says first what to do, then why each key failed, then where it looked", async () => {
  const keys = await group(["age", alice.recipient], ["pgp", "AB"]);
  const report = await reportOf(recover([keys], 0));
  expect(report).toBe(`Failed to get the data key required to decrypt the SOPS file.

secrets.yaml: set SOPS_AGE_KEY_FILE to the file that holds the identity of one of these recipients: ${alice.recipient}
Or ask one of ${alice.recipient}, AB to run \`sopsmith updatekeys secrets.yaml\` with your recipient in .sops.yaml.
You have no age identity that could be read.
Group 0: FAILED
  ${alice.recipient}: FAILED - failed to load age identities
  AB: FAILED - failed to decrypt sops data key with pgp: gpg was not found; install GnuPG, or name its program with SOPS_GPG_EXEC
Key sources tried: SOPS_AGE_SSH_PRIVATE_KEY_FILE: not set; SOPS_AGE_SSH_PRIVATE_KEY_CMD: not set; /home/u/.ssh/id_ed25519: no such file; /home/u/.ssh/id_rsa: no such file; SOPS_AGE_KEY: not set; SOPS_AGE_KEY_FILE: not set; SOPS_AGE_KEY_CMD: not set; /home/u/.config/sops/age/keys.txt: no such file`);
});

test.each<[string, Record<string, string>, string]>([
  [
    "a broken source is to be corrected",
    { SOPS_AGE_KEY_FILE: "/nope" },
    "correct SOPS_AGE_KEY_FILE, which could not be used",
  ],
  ["a damaged key is to be restored", { SOPS_AGE_KEY: alice.identity }, "restore the `sops` block"],
])("the advice fits the failure: %s", async (_, env, advice) => {
  const keys = await group(["age", alice.recipient]);
  for (const key of keys) key.enc = "damaged";
  const report = await reportOf(recover([keys], 0, fakeHost({ env })));
  expect(report.split("\n")[2]).toContain(`secrets.yaml: ${advice}`);
});

test("nobody is to be asked before a broken source is corrected", async () => {
  const keys = await group(["age", alice.recipient], ["age", bob.recipient], ["pgp", "AB"]);
  const broken = fakeHost({ env: { SOPS_AGE_KEY: "nonsense" } });
  const report = await reportOf(recover([keys], 0, broken));
  expect(report).toContain("secrets.yaml: correct SOPS_AGE_KEY");
  expect(report).not.toContain("ask one of");
});

test("the report names the recipients that the user has, and whom to ask", async () => {
  const keys = await group(["age", alice.recipient]);
  await createDataKey([keys], 0, services, host);
  const hybrid = await generateHybridIdentity();
  const report = await reportOf(recover([keys], 0, withKey(`${bob.identity} ${hybrid}`)));
  expect(report).toContain(`\nYou have ${bob.recipient}, age1pq1`);
  expect(report).toContain(
    `\nOr ask one of ${alice.recipient} to run \`sopsmith updatekeys secrets.yaml\``,
  );
  expect(report.split("\n").length).toBeLessThanOrEqual(12);
  expect(report).not.toContain("SECRET-KEY");
});

test.each<[Record<string, string>, string]>([
  [
    { SOPS_AGE_KEY: bob.recipient },
    "SOPS_AGE_KEY holds a recipient (age1…), the public half of a key; it must contain the identity, AGE-SECRET-KEY-1….",
  ],
  [
    { SOPS_AGE_KEY: "ssh-ed25519 AAAA me@here" },
    "SOPS_AGE_KEY holds a recipient (ssh-ed25519…), the public half of a key; it must contain the identity, the private key.",
  ],
  [
    { SOPS_AGE_KEY: "/home/u/key.txt" },
    "SOPS_AGE_KEY holds a file name instead of an identity; put it into SOPS_AGE_KEY_FILE.",
  ],
  [
    { SOPS_AGE_KEY: "~/key.txt" },
    "SOPS_AGE_KEY holds a file name instead of an identity; put it into SOPS_AGE_KEY_FILE.",
  ],
  [
    { SOPS_AGE_KEY: "-----BEGIN OPENSSH PRIVATE KEY-----" },
    "SOPS_AGE_KEY holds an SSH key; name its file in SOPS_AGE_SSH_PRIVATE_KEY_FILE.",
  ],
  [
    { SOPS_AGE_KEY_FILE: "~/keys.txt" },
    "SOPS_AGE_KEY_FILE begins with ~, which the shell does not expand inside quotes; write $HOME instead.",
  ],
  [
    { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "~/.ssh/key" },
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE begins with ~, which the shell does not expand inside quotes; write $HOME instead.",
  ],
  [
    { SOPS_AGE_KEY_FILE: alice.recipient },
    "SOPS_AGE_KEY_FILE holds a recipient (age1…) instead of a path; name the file that holds the identity.",
  ],
  [
    { SOPS_AGE_KEY_FILE: bob.identity },
    "SOPS_AGE_KEY_FILE holds an identity instead of a path; put it into SOPS_AGE_KEY.",
  ],
  ...[`"${bob.identity}"`, `'${bob.identity}'`].map((text): [Record<string, string>, string] => [
    { SOPS_AGE_KEY: text },
    "SOPS_AGE_KEY holds an identity in quotes, which are not part of it; remove them.",
  ]),
  [
    { SOPS_AGE_KEY: `"${alice.recipient}"` },
    "SOPS_AGE_KEY holds a recipient (age1…), the public half of a key; it must contain the identity, AGE-SECRET-KEY-1….",
  ],
  [
    { SOPS_AGE_KEY: `SOPS_AGE_KEY=${bob.identity}` },
    "SOPS_AGE_KEY holds a whole assignment; it must contain only what follows the =, AGE-SECRET-KEY-1….",
  ],
  [
    { SOPS_AGE_KEY: bob.identity.toLowerCase() },
    "SOPS_AGE_KEY holds an identity in small letters; an identity is written in capitals.",
  ],
  [
    { SOPS_AGE_KEY_FILE: '"/home/u/key.txt"' },
    "SOPS_AGE_KEY_FILE holds a path in quotes, which are not part of it; remove them.",
  ],
  ...["$HOME/key.txt", "${HOME}/key.txt", "%USERPROFILE%\\key.txt"].map(
    (path): [Record<string, string>, string] => [
      { SOPS_AGE_KEY_FILE: path },
      "SOPS_AGE_KEY_FILE begins with the name of a variable that nothing has expanded; write the path itself.",
    ],
  ),
  [
    { SOPS_AGE_KEY_FILE: "/home/u/key.txt\n" },
    "SOPS_AGE_KEY_FILE begins or ends with a space or a line break, which belongs to the path; remove it.",
  ],
])("a common mistake is recognised, and explained in one line: %j", async (env, advice) => {
  const keys = await group(["age", alice.recipient]);
  await createDataKey([keys], 0, services, host);
  const report = await reportOf(recover([keys], 0, fakeHost({ env })));
  expect(report.split("\n")[2]).toBe(`secrets.yaml: ${advice}`);
  expect(report).not.toContain(bob.identity);
});

test("a file whose keys need a program says which one", async () => {
  const report = await reportOf(recover([await group(["pgp", "AB"])], 0));
  expect(report).toContain(
    "secrets.yaml: install GnuPG, or name its program with SOPS_GPG_EXEC: AB",
  );
  expect(report).not.toContain("Key sources tried");
});

test("a report on many keys keeps to 12 lines", async () => {
  const keys = await group(
    ...Array.from({ length: 12 }, (_, index): [KeyType, string] => ["pgp", `AB${index}`]),
  );
  const report = await reportOf(recover([keys], 0));
  expect(report).toContain("AB4 and 7 more\n");
  expect(report.match(/^ {2}AB\d+: FAILED/gm)).toHaveLength(7);
  expect(report).toMatch(/\n {2}… and 5 more$/);
  expect(report.split("\n")).toHaveLength(12);
});

test("the advice names a recipient of several groups once", async () => {
  const groups = [await group(["pgp", "AB"]), await group(["pgp", "AB"])];
  const report = await reportOf(recover(groups, 2));
  expect(report).toContain("SOPS_GPG_EXEC: AB\n");
});

test("refuses a data key of the wrong length", async () => {
  const keys = await group(["age", alice.recipient]);
  for (const key of keys) key.enc = await provider("age").wrap(key, new Uint8Array(16), host);
  expect(await reportOf(recover([keys], 0, withKey(alice.identity)))).toContain(
    "gave 16 bytes instead of 32",
  );
});

// ---- keys used over the network ------------------------------------------------

const part = Uint8Array.from({ length: 32 }, (_, i) => i);
const failed = (message: string, exitCode?: number) =>
  new UnwrapError(message, {
    failure: "source",
    remedy: "see to it",
    ...(exitCode !== undefined && { exitCode }),
  });

/** A service whose answer for each key is a promise that the test holds, and what was asked of it. */
function slowService(
  answer: (key: MasterKey, signal: AbortSignal | undefined) => Promise<Uint8Array>,
): { service: KeyService; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    service: {
      name: "test",
      wrap: () => Promise.reject(new Error("not asked")),
      unwrap: (key, _host, signal) => {
        asked.push(key.id);
        return answer(key, signal);
      },
    },
  };
}

const mixed = () =>
  group(
    ["gcp_kms", "one"],
    ["hckms", "two:u"],
    ["hc_vault", "https://v/v1/t/keys/three"],
    ["pgp", "AB"],
    ["age", bob.recipient],
  );

test("keys used over the network are tried together, the first success wins and ends the others", async () => {
  const signals: AbortSignal[] = [];
  const late = part.slice();
  let answerLate: (bytes: Uint8Array) => void = () => {};
  const { service, asked } = slowService((key, signal) => {
    if (signal !== undefined) signals.push(signal);
    if (key.id === "one") return new Promise((resolve) => (answerLate = resolve));
    if (key.id === "two:u") return Promise.reject(failed("denied"));
    return Promise.resolve(part.slice());
  });
  const options = { ...file, order: ["gcp_kms"], services: [service] };
  expect(await recover([await mixed()], 0, host, options)).toEqual(part);
  expect(asked).toEqual(["one", "two:u", "https://v/v1/t/keys/three"]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  answerLate(late);
  await vi.waitFor(() => expect([...new Set(late)]).toEqual([0]));
});

test("keys that may ask the user are tried one after another, before or after those of the network", async () => {
  const { service, asked } = slowService(() => Promise.reject(failed("no")));
  const keys = await mixed();
  const open = (order: readonly string[]) =>
    reportOf(recover([keys], 0, host, { ...file, order, services: [service] }));
  await open(["age", "pgp"]);
  expect(asked.splice(0)).toEqual([
    bob.recipient,
    "AB",
    "one",
    "two:u",
    "https://v/v1/t/keys/three",
  ]);
  await open(["hc_vault", "age"]);
  expect(asked.splice(0)).toEqual([
    "https://v/v1/t/keys/three",
    bob.recipient,
    "one",
    "two:u",
    "AB",
  ]);
  const { service: first, asked: once } = slowService(() => Promise.resolve(part.slice()));
  await recover([keys], 0, host, { ...file, services: [first] });
  expect(once).toEqual([bob.recipient]);
});

test("a key of the network that never answers is given up, with a line for it", async () => {
  vi.useFakeTimers();
  try {
    const { service } = slowService((key) =>
      key.id === "two:u" ? Promise.reject(failed("denied")) : new Promise(() => {}),
    );
    const keys = await group(["gcp_kms", "one"], ["hckms", "two:u"]);
    const report = reportOf(recover([keys], 0, host, { ...file, services: [service] }));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await report).toContain(
      "  one: FAILED - no answer within 30 s; check the network and the address of the key\n  two:u: FAILED - denied",
    );
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("every service is asked for a key, with a line for each", async () => {
  const [one, two] = ["first", "second"].map((text) =>
    slowService((key) => Promise.reject(failed(`${text} ${key.id}`))),
  );
  const services = [one, two].flatMap((each) => each?.service ?? []);
  const keys = await group(["gcp_kms", "one"]);
  expect(await reportOf(recover([keys], 0, host, { ...file, services }))).toContain(
    "  one: FAILED - first one; second one",
  );
});

test("exit 1 where every key only lacks a package", async () => {
  const { service } = slowService((key) =>
    Promise.reject(failed("no package", key.type === "age" ? 128 : 1)),
  );
  const options = { ...file, services: [service] };
  const remote = await group(["gcp_kms", "one"], ["hckms", "two:u"]);
  await expect(recover([remote], 0, host, options)).rejects.toMatchObject({ exitCode: 1 });
  await expect(recover([await mixed()], 0, host, options)).rejects.toMatchObject({ exitCode: 128 });
});

test("wraps for all keys of the network at the same time, and keeps the order of the reasons", async () => {
  const asked: string[] = [];
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const service: KeyService = {
    name: "test",
    unwrap: () => Promise.reject(new Error("not asked")),
    wrap: async (key) => {
      asked.push(key.id);
      if (asked.length === 3) release();
      await gate;
      throw new KeySyntaxError(`no ${key.id}`);
    },
  };
  const error = await wrapDataKey(part.slice(), [await mixed()], 0, [service], host).catch(
    (thrown: unknown) => thrown,
  );
  expect(asked).toEqual(["one", "two:u", "https://v/v1/t/keys/three", "AB", bob.recipient]);
  expect((error as WrapError).reasons.map((reason) => reason.replace(/.*: no /, ""))).toEqual(
    (await mixed()).map(({ id }) => id),
  );
});
