import {
  Decrypter,
  Encrypter,
  armor,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import fc from "fast-check";
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { unwrapX25519, wrapX25519 } from "../../../src/keys/age/x25519.ts";
import { decodeBech32 } from "../../../src/keys/age/bech32.ts";
import { map } from "../../../src/tree/node.ts";
import { refusal } from "../../verbs.ts";
import { fakeHost } from "../fake-host.ts";

const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const scalar = decodeBech32(identity).bytes;
const point = decodeBech32(recipient).bytes;
const random = (length: number) => new Uint8Array(randomBytes(length));

test("opens what age-encryption wrapped", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (part) => {
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      const enc = armor.encode(await encrypter.encrypt(part));
      expect(Buffer.from(unwrapX25519(enc, scalar) ?? [])).toEqual(Buffer.from(part));
    }),
    { numRuns: 25 },
  );
});

test("wraps what age-encryption opens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (part) => {
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      const opened = await decrypter.decrypt(armor.decode(wrapX25519(point, part, random)));
      expect(Buffer.from(opened)).toEqual(Buffer.from(part));
    }),
    { numRuns: 25 },
  );
});

test("opens the vector of sops 3.13.2", () => {
  const enc = `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBjSENOSkk5TjRDeGwxR1Zw
TjVUaXdrbDMyQ3pOejh6ODJFa1FCRGRqbVVZCncrSzZMcHQwWVlxckFYclVHNndC
dlJqWXk2em12RSt5ZmtlM3RnRnN5S2cKLS0tIFgzUHRxaldMR3ZiOStheUUycGpI
R1RWTnlZWTBTcCsvTis5dXZKZUZ0c00KsvqHwFFoUnJT3e1C+ifU2rsv4feoJeCb
2OAY1BfCVLzQwCriNl3uGYethJX3p1btfRnSqlf9rOM9pOXIrrjezQ==
-----END AGE ENCRYPTED FILE-----
`;
  const { bytes } = decodeBech32(
    "AGE-SECRET-KEY-14CH4LZ5VW0LG9043AS3XYMPVN2EAH804PQ7AG4HG6AE03DJLNFXSSLWNPH",
  );
  expect(Buffer.from(unwrapX25519(enc, bytes) ?? []).toString("hex")).toBe(
    "daa3a6d4e6b68fe973a6ab899c23765f7c4e22ca47ef10b5bfc45c8e23710f25",
  );
});

test("does not open with another identity", async () => {
  const other = decodeBech32(await generateX25519Identity()).bytes;
  expect(unwrapX25519(wrapX25519(point, random(32), random), other)).toBeUndefined();
});

test("does not open a file of which any byte was flipped", () => {
  const enc = wrapX25519(point, random(32), random);
  const file = armor.decode(enc);
  for (let i = 0; i < file.length; i++) {
    const damaged = Uint8Array.from(file);
    damaged[i] = (damaged[i] ?? 0) ^ 1;
    expect(unwrapX25519(armor.encode(damaged), scalar), `byte ${i}`).toBeUndefined();
  }
});

test("does not open a share of low order", () => {
  const enc = wrapX25519(point, random(32), random);
  const text = Buffer.from(armor.decode(enc)).toString("latin1");
  const zero = text.replace(/X25519 \S+/, `X25519 ${"A".repeat(43)}`);
  expect(unwrapX25519(armor.encode(Buffer.from(zero, "latin1")), scalar)).toBeUndefined();
});

test("refuses to wrap for a recipient of low order, in one line", async () => {
  const { encodeBech32 } = await import("../../../src/keys/age/bech32.ts");
  const { wrap } = await import("../../../src/keys/age/recipient.ts");
  const id = encodeBech32("age", new Uint8Array(32));
  const key = { type: "age", id, fields: map([]), enc: undefined } as const;
  const error = await refusal(wrap(key, new Uint8Array(32), fakeHost()));
  expect(error.exitCode).toBe(1);
  expect(error.message).toContain("low order");
});
