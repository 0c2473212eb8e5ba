import fc from "fast-check";
import { expect, test } from "vitest";
import { LeafCipher } from "../../src/crypto/leaf.ts";
import { encryptObject, decryptObject, update, type OpenOptions } from "../../src/index.ts";
import type { PlainObject } from "../../src/tree/plain.ts";
import { alice } from "../keys/fake-host.ts";
import { decryptText, encryptText } from "../verbs.ts";
import { runs } from "../runs.ts";

const names = fc
  .oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "", "1", "a_unencrypted"))
  .filter((name) => name !== "sops" && name !== "<<");
const { object } = fc.letrec<{ any: unknown; object: PlainObject }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "grapheme" }),
    fc.maxSafeInteger(),
    fc.double({ noInteger: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(names, tie("any"), {
    maxKeys: 4,
    noNullPrototype: true,
  }) as fc.Arbitrary<PlainObject>,
}));

const open: OpenOptions = { env: { HOME: "/nonexistent", SOPS_AGE_KEY: alice.identity } };

test("an encrypted object reads back as it was", async () => {
  await fc.assert(
    fc.asyncProperty(object, async (value) => {
      const sealed = await encryptObject(value, { recipients: { age: alice.recipient }, ...open });
      expect(await decryptObject(sealed, open)).toEqual(value);
    }),
    { numRuns: runs(100) },
  );
});

test("an update without a change returns the source", async () => {
  await fc.assert(
    fc.asyncProperty(object, async (value) => {
      const sealed = await encryptObject(value, { recipients: { age: alice.recipient }, ...open });
      const same = await update(
        sealed,
        (document) => {
          for (const [name, member] of Object.entries(document.toObject()))
            document.set([name], member);
          document.unset(["no such key"]);
        },
        open,
      );
      expect(Buffer.from(same)).toEqual(Buffer.from(sealed));
    }),
    { numRuns: runs(60) },
  );
});

test("no text of a value is in the encrypted file", async () => {
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[a-z]{12,20}$/), async (secret) => {
      for (const [format, source] of [
        ["yaml", `a: ${secret} # ${secret}\nl:\n  - ${secret}\n  # ${secret}\n`],
        ["json", `{"a": ["${secret}", {"b": "${secret}"}]}`],
        ["dotenv", `#${secret}\nA=${secret}\n`],
        ["ini", `; ${secret}\n[s]\n; ${secret}\na = ${secret}\n`],
        ["binary", secret],
      ] as const) {
        const sealed = await encryptText(source, { format });
        expect(sealed).not.toContain(secret);
        expect(await decryptText(sealed, { format })).toContain(secret);
      }
    }),
    { numRuns: 10 },
  );
});

test("opening gives what was sealed, and any changed byte is refused", () => {
  const cipher = new LeafCipher(new Uint8Array(32).fill(7));
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 1 }),
      fc.string(),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom("data", "iv", "tag"),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (text, aad, nonce, part, at, mask) => {
        const sealed = cipher.seal(text, "str", aad, nonce);
        expect(cipher.open(sealed, aad).leaf).toMatchObject({ kind: "str", value: text });
        const changed = sealed.replace(new RegExp(`${part}:([^,]+)`), (_all, encoded: string) => {
          const raw = Buffer.from(encoded, "base64");
          const index = at % raw.length;
          raw[index] = (raw[index] as number) ^ mask;
          return `${part}:${raw.toString("base64")}`;
        });
        expect(() => cipher.open(changed, aad)).toThrow("Could not decrypt with AES_GCM");
        expect(() => cipher.open(sealed, `${aad}:`)).toThrow("Could not decrypt with AES_GCM");
      },
    ),
  );
});
