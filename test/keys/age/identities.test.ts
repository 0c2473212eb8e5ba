import { expect, test } from "vitest";
import { findAgeIdentities } from "../../../src/keys/age/identities.ts";
import { alice, bob, fakeHost } from "../fake-host.ts";

const texts = async (host: ReturnType<typeof fakeHost>): Promise<string[]> =>
  (await findAgeIdentities("age1r", host)).identities.map((identity) =>
    identity.kind === "native" ? identity.text : identity.kind,
  );

const unusedSsh = [
  "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
  "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
  "/home/u/.ssh/id_ed25519",
  "/home/u/.ssh/id_rsa",
];

test("combines all sources, in order", async () => {
  const run = () => ({ stdout: Buffer.from(`${alice.identity}\n`), status: 0, signal: undefined });
  const host = fakeHost({
    env: { SOPS_AGE_KEY: bob.identity, SOPS_AGE_KEY_FILE: "keys", SOPS_AGE_KEY_CMD: "show it" },
    files: {
      keys: `${alice.identity}\n`,
      "/home/u/.config/sops/age/keys.txt": `${bob.identity}\r\n`,
    },
    run,
  });
  expect(await texts(host)).toEqual([bob.identity, alice.identity, alice.identity, bob.identity]);
});

test("a broken source is recorded and does not stop a later one", async () => {
  const found = await findAgeIdentities(
    "age1r",
    fakeHost({
      env: {
        SOPS_AGE_KEY: "AGE-SECRET-KEY-1BAD",
        SOPS_AGE_KEY_FILE: "/nope",
        SOPS_AGE_KEY_CMD: "sh -c 'exit 3'",
      },
      files: { "/home/u/.config/sops/age/keys.txt": alice.identity },
      run: () => ({ stdout: new Uint8Array(), status: 3, signal: undefined }),
    }),
  );
  expect(found.identities).toHaveLength(1);
  expect(found.errors).toEqual([
    "failed to parse 'SOPS_AGE_KEY' age identities: malformed secret key: separator '1' at invalid position (line 1)",
    "failed to open SOPS_AGE_KEY_FILE file: open /nope: no such file or directory",
    "failed to execute command of SOPS_AGE_KEY_CMD: exit status 3",
  ]);
  expect(found.unused).toEqual(unusedSsh);
});

test("the command is run without a shell and knows the recipient", async () => {
  let seen: string | undefined;
  const host = fakeHost({
    env: { SOPS_AGE_KEY_CMD: `"my tool" --for\\ me 'a"b' # note`, OTHER: "kept" },
    run: (_, env) => {
      seen = `${env["SOPS_AGE_RECIPIENT"]} ${env["OTHER"]}`;
      return { stdout: Buffer.from(alice.identity), status: 0, signal: undefined };
    },
  });
  expect(await texts(host)).toEqual([alice.identity]);
  expect(host.log).toContain('run ["my tool","--for me","a\\"b"]');
  expect(seen).toBe("age1r kept");
});

test.each([
  ["", "failed to execute command of SOPS_AGE_KEY_CMD: it names no program"],
  [
    "a 'b",
    "failed to parse command of SOPS_AGE_KEY_CMD: the single quote at position 3 is not closed",
  ],
  ["a \\", "failed to parse command of SOPS_AGE_KEY_CMD: it ends in a backslash"],
  ["nope", "failed to execute command of SOPS_AGE_KEY_CMD: executable file not found in $PATH"],
])("records what is wrong with the command %j", async (command, message) => {
  const found = await findAgeIdentities("age1r", fakeHost({ env: { SOPS_AGE_KEY_CMD: command } }));
  expect(found.errors).toEqual([message]);
});

test("several identities on one line count in SOPS_AGE_KEY only", async () => {
  const line = `${alice.identity} \t${bob.identity}\n`;
  expect(await texts(fakeHost({ env: { SOPS_AGE_KEY: line } }))).toEqual([
    alice.identity,
    bob.identity,
  ]);
  const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "/k" }, files: { "/k": line } });
  expect((await findAgeIdentities("age1r", host)).errors[0]).toContain("malformed secret key");
});

test.each([
  ["a leading blank", ` ${alice.identity}`, "unknown identity type (line 2)"],
  [
    "a trailing blank",
    `${alice.identity} `,
    "malformed secret key: invalid character data part (line 2)",
  ],
  ["another word", "password", "unknown identity type (line 2)"],
  ["an SSH key", "-----BEGIN OPENSSH PRIVATE KEY-----", "unknown identity type (line 2)"],
])("one bad line voids the file, and is not shown: %s", async (_, line, reason) => {
  const host = fakeHost({
    env: { SOPS_AGE_KEY_FILE: "/k" },
    files: { "/k": `${bob.identity}\n${line}\n` },
  });
  const found = await findAgeIdentities("age1r", host);
  expect(found.identities).toEqual([]);
  expect(found.errors).toEqual([`failed to parse 'SOPS_AGE_KEY_FILE' age identities: ${reason}`]);
});

test("an empty variable is set, but holds no identity", async () => {
  const found = await findAgeIdentities("age1r", fakeHost({ env: { SOPS_AGE_KEY: "" } }));
  expect(found.unused).toEqual([
    ...unusedSsh,
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_KEY_CMD",
    "SOPS_AGE_KEY",
  ]);
});

test("never shows a private key that was put into SOPS_AGE_KEY_FILE", async () => {
  const found = await findAgeIdentities(
    "age1r",
    fakeHost({ env: { SOPS_AGE_KEY_FILE: alice.identity } }),
  );
  expect(found.errors[0]).toContain("put identities into SOPS_AGE_KEY");
  expect(JSON.stringify(found)).not.toContain(alice.identity);
});

test.each<[string, NodeJS.Platform, Record<string, string>, string]>([
  ["Linux", "linux", {}, "/home/u/.config/sops/age/keys.txt"],
  ["Linux with XDG_CONFIG_HOME", "linux", { XDG_CONFIG_HOME: "/cfg/" }, "/cfg/sops/age/keys.txt"],
  [
    "Linux with an empty XDG_CONFIG_HOME",
    "linux",
    { XDG_CONFIG_HOME: "" },
    "/home/u/.config/sops/age/keys.txt",
  ],
  ["macOS", "darwin", {}, "/home/u/Library/Application Support/sops/age/keys.txt"],
  ["macOS with XDG_CONFIG_HOME", "darwin", { XDG_CONFIG_HOME: "/cfg" }, "/cfg/sops/age/keys.txt"],
  [
    "Windows",
    "win32",
    { AppData: "C:\\Users\\u\\AppData\\Roaming" },
    "C:\\Users\\u\\AppData\\Roaming\\sops\\age\\keys.txt",
  ],
])("the default key file on %s", async (_, platform, env, path) => {
  const host = fakeHost({ platform, env, files: { [path]: alice.identity } });
  expect(await texts(host)).toEqual([alice.identity]);
});

test.each<[NodeJS.Platform, Record<string, string>, string]>([
  ["linux", { XDG_CONFIG_HOME: "rel" }, "path in $XDG_CONFIG_HOME is relative"],
  ["linux", { HOME: "" }, "neither $XDG_CONFIG_HOME nor $HOME are defined"],
  ["win32", {}, "%AppData% is not defined"],
])(
  "without a configuration folder the default file is an error (%s)",
  async (platform, env, reason) => {
    const found = await findAgeIdentities("age1r", fakeHost({ platform, env }));
    expect(found.errors).toEqual([`user config directory could not be determined: ${reason}`]);
  },
);

test("a default key file that cannot be read is an error, not an absent one", async () => {
  const path = "/home/u/.config/sops/age/keys.txt";
  const found = await findAgeIdentities(
    "age1r",
    fakeHost({ files: { [path]: { code: "EACCES" } } }),
  );
  expect(found.errors).toEqual([`failed to open file: open ${path}: permission denied`]);
});

test.each([
  [`\ufeff${alice.identity}`, "holds a byte order mark at its start; save it as UTF-8"],
  [Buffer.from(`\ufeff# a key\n${alice.identity}\n`, "utf16le"), "holds UTF-16 text; save it as"],
  [`  ${alice.identity}`, "holds an identity with spaces around it; remove them."],
])("says what is wrong with the text of a key file, nothing of it: %#", async (content, advice) => {
  const host = fakeHost({ env: { SOPS_AGE_KEY_FILE: "keys" }, files: { keys: content } });
  const found = await findAgeIdentities("age1r", host);
  expect(found.advice.join()).toContain(`SOPS_AGE_KEY_FILE ${advice}`);
  expect(found.advice.join()).not.toContain(alice.identity.slice(16));
});
