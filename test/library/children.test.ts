import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { decrypt, encrypt } from "../../src/index.ts";
import { encodeBech32 } from "../../src/keys/age/bech32.ts";
import { alice, bob } from "../keys/fake-host.ts";

const folder = mkdtempSync(join(tmpdir(), "children-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that writes its whole environment down, as gpg, an age plugin or a command for keys. */
function spy(name: string): string {
  const log = join(folder, `${name}.log`);
  const path = join(folder, name);
  // In Node, so that this test needs no shell.
  const write = `for (const name in process.env)
    require("node:fs").appendFileSync(${JSON.stringify(log)}, name + "=" + process.env[name] + "\\n");`;
  writeFileSync(path, `#!${process.execPath}\n${write}\nprocess.exit(1);\n`);
  chmodSync(path, 0o755);
  return log;
}

test.skipIf(process.platform === "win32")(
  "no child process gets the identities that were given",
  async () => {
    const logs = ["gpg", "age-plugin-spy", "keycmd"].map(spy);
    const recipients = { age: [alice.recipient] };
    const sealed = Buffer.from(await encrypt("a: 1\n", { recipients })).toString();
    const fingerprint = "85D77543B3D624B63CEA9E6DBC17301B491B3F21";
    // A PGP key in front, so that gpg is asked.
    const text = sealed.replace(
      /^ {4}age:/m,
      `    pgp:\n        - created_at: "2026-11-23T21:15:59Z"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n\n            aaaa\n            -----END PGP MESSAGE-----\n          fp: ${fingerprint}\n    age:`,
    );
    const env = {
      PATH: [folder, process.env["PATH"]].join(delimiter),
      HOME: folder,
      SOPS_AGE_KEY_CMD: join(folder, "keycmd"),
    };
    await decrypt(text, {
      env,
      identities: [bob.identity, alice.identity],
      decryptionOrder: ["pgp", "age"],
      prompt: false,
    });
    // Alone, so that nothing opens the file before the plugin is asked.
    const plugin = encodeBech32("age-plugin-spy-", new Uint8Array(20)).toUpperCase();
    await expect(
      decrypt(text, { env, identities: [plugin, bob.identity], prompt: false }),
    ).rejects.toMatchObject({ code: "data-key-not-recovered" });
    const seen = logs.map((log) => readFileSync(log, "utf8"));
    for (const one of seen) {
      expect(one).toContain("PATH=");
      expect(one).not.toContain("AGE-SECRET-KEY");
    }
  },
);
