import * as vectors from "cctv-age";
import { armor } from "age-encryption";
import * as library from "age-encryption";
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { age } from "../../../src/keys/age/age.ts";
import { decryptIdentityFile } from "../../../src/keys/age/encrypted-file.ts";
import { UnwrapError } from "../../../src/keys/provider.ts";
import { map } from "../../../src/tree/node.ts";
import { alice, fakeHost } from "../fake-host.ts";

/** A vector of C2SP's suite for age: a header of `name: value` lines, an empty line, an age file. */
interface Vector {
  readonly expected: string;
  readonly payload: string | undefined;
  readonly identities: readonly string[];
  readonly passphrase: string | undefined;
  readonly isArmored: boolean;
  readonly file: Uint8Array;
}

function parse(bytes: Uint8Array): Vector {
  const text = Buffer.from(bytes).toString("latin1");
  const end = text.indexOf("\n\n");
  const fields = text
    .slice(0, end)
    .split("\n")
    .map((line) => line.split(": ") as [string, string]);
  const all = (name: string) => fields.flatMap(([key, value]) => (key === name ? [value] : []));
  const body = bytes.subarray(end + 2);
  return {
    expected: all("expect")[0] ?? "",
    payload: all("payload")[0],
    identities: all("identity"),
    passphrase: all("passphrase")[0],
    isArmored: all("armored")[0] === "yes",
    file: all("compressed")[0] === "zlib" ? new Uint8Array(inflateSync(body)) : body,
  };
}

const parsed = Object.entries(vectors).map(([name, bytes]) => [name, parse(bytes)] as const);

/** What the program says of each outcome. */
const failures: Readonly<Record<string, UnwrapError["failure"] | undefined>> = {
  "no match": "missing",
  "header failure": "damaged",
  "HMAC failure": "damaged",
  "armor failure": "damaged",
  "payload failure": "damaged",
};

describe("C2SP vectors for identities", () => {
  const rows = parsed.filter(([, { passphrase }]) => passphrase === undefined);

  test("there are many", () => {
    expect(rows.length).toBeGreaterThan(100);
  });

  test.each(rows)("%s", async (_, { expected, payload, identities, isArmored, file }) => {
    const enc = isArmored ? Buffer.from(file).toString("latin1") : armor.encode(file);
    const key = { type: "age" as const, id: alice.recipient, fields: map([]), enc };
    const env = { SOPS_AGE_KEY: identities.length > 0 ? identities.join(" ") : alice.identity };
    const outcome: unknown = await age
      .unwrap(key, fakeHost({ env }))
      .catch((error: unknown) => error);
    if (expected === "success") {
      expect(outcome).toBeInstanceOf(Uint8Array);
      expect(
        createHash("sha256")
          .update(outcome as Uint8Array)
          .digest("hex"),
      ).toBe(payload);
    } else {
      expect(outcome).toBeInstanceOf(UnwrapError);
      expect((outcome as UnwrapError).failure).toBe(failures[expected]);
    }
  });
});

describe("C2SP vectors for passphrases", () => {
  const rows = parsed.filter(([, { passphrase }]) => passphrase !== undefined);

  test("there are many", () => {
    expect(rows.length).toBeGreaterThan(15);
  });

  test.each(rows)("%s", async (_, { expected, passphrase = "", file }) => {
    const host = fakeHost({ env: { SOPS_AGE_KEY_PASSPHRASE: passphrase } });
    const damaged = "it is damaged, or not protected by a passphrase";
    const reasons: Readonly<Record<string, string | undefined>> = {
      // Opened: but what stands in it is no list of identities.
      success: "it contains something other than age identities",
      // Without a stanza of that type there is no passphrase to be wrong.
      "no match": Buffer.from(file).includes("-> scrypt ") ? "incorrect passphrase" : damaged,
    };
    await expect(decryptIdentityFile(library, { file, location: "FILE" }, host)).rejects.toThrow(
      `failed to decrypt identity file 'FILE': ${reasons[expected] ?? damaged}`,
    );
  });
});
