import fc from "fast-check";
import { expect, test } from "vitest";
import { Redactor } from "../../src/node/redactor.ts";
import { secretsIn } from "../../src/node/secret-values.ts";
import { runs } from "../runs.ts";

function masked(pieces: readonly Uint8Array[], secrets: readonly string[]): Buffer {
  const redactor = new Redactor(secrets);
  return Buffer.concat([...pieces.map((piece) => redactor.write(piece)), redactor.end()]);
}

const redacted = (text: string, ...secrets: string[]): string =>
  masked([Buffer.from(text)], secrets).toString();

/** Secrets and other bytes have no byte in common, so that what must come out is known. */
const secret = fc.string({
  unit: fc.constantFrom(...'aabc/+é €🙂"\\\n'),
  minLength: 6,
  maxLength: 14,
});
const other = fc
  .array(fc.constantFrom(0, 10, 13, 0x31, 0x32, 0x41, 0x42, 0xff, 0xfe), { maxLength: 12 })
  .map((bytes) => Buffer.from(bytes));

const stream = fc
  .record({
    secrets: fc.array(
      secret.filter((text) => text.trim() === text && !text.includes("\n")),
      { minLength: 1, maxLength: 4 },
    ),
    parts: fc.array(fc.record({ before: other, which: fc.nat({ max: 3 }) }), { maxLength: 12 }),
    cuts: fc.array(fc.nat({ max: 400 }), { maxLength: 20 }),
  })
  .map(({ secrets, parts, cuts }) => {
    const whole: Buffer[] = [];
    const expected: Buffer[] = [];
    for (const { before, which } of parts) {
      const border = Buffer.from("1");
      whole.push(before, border, Buffer.from(secrets[which % secrets.length] ?? ""), border);
      expected.push(before, border, Buffer.from("***"), border);
    }
    const bytes = Buffer.concat(whole);
    const ends = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].toSorted(
      (a, b) => a - b,
    );
    const pieces = [0, ...ends].map((from, i) => bytes.subarray(from, ends[i]));
    return { secrets, pieces, expected: Buffer.concat(expected) };
  });

test("no secret passes however a stream is cut, and every other byte does", () => {
  fc.assert(
    fc.property(stream, ({ secrets, pieces, expected }) => {
      expect(masked(pieces, secrets).equals(expected)).toBe(true);
    }),
    { numRuns: runs(10_000) },
  );
});

test("any bytes pass unchanged where there is no secret", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
      expect(masked(pieces, ["secret-that-is-not-there"])).toEqual(Buffer.concat(pieces));
    }),
    { numRuns: runs(1_000) },
  );
});

test("a text passes at once when no secret can begin there", () => {
  const redactor = new Redactor(["secret"]);
  expect(Buffer.from(redactor.write(Buffer.from("Password? "))).toString()).toBe("Password? ");
  expect(Buffer.from(redactor.write(Buffer.from("a sec"))).toString()).toBe("a ");
  expect(Buffer.from(redactor.write(Buffer.from("ond"))).toString()).toBe("second");
  expect(redactor.end()).toHaveLength(0);
});

test("overlapping, nested and repeated secrets are masked whole", () => {
  expect(redacted("-abcdefghijk-", "abcdefgh", "defghijk")).toBe("-***-");
  expect(redacted("-abcdefgh-", "abcdef", "abcdefgh")).toBe("-***-");
  expect(redacted("-xabcdefgh", "abcdef", "abcdefghi")).toBe("-x***gh");
  expect(redacted("secretsecret", "secret")).toBe("******");
});

test("forms that programs print are masked: base64, URL, JSON", () => {
  const value = 'p@ss "wörd"/+&<1>';
  const forms = [
    value,
    Buffer.from(value).toString("base64"),
    Buffer.from(value).toString("base64url"),
    encodeURIComponent(value),
    new URLSearchParams({ q: value }).toString().slice(2),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(value).slice(1, -1).replaceAll("/", "\\/"),
    JSON.stringify(value)
      .slice(1, -1)
      .replace("&", "\\u0026")
      .replace("<", "\\u003c")
      .replace(">", "\\u003e"),
    JSON.stringify(value).slice(1, -1).replace("ö", "\\u00f6"),
  ];
  for (const form of forms) expect(redacted(`[${form}]`, value)).toBe("[***]");
  for (const user of ["u", "us", "use", "user"]) {
    const basic = Buffer.from(`${user}:${value}@`).toString("base64");
    const shown = redacted(basic, value);
    expect(shown).toContain("***");
    // At most the bits that share a digit with a neighbour are left.
    expect(shown.length).toBeLessThan(user.length * 2 + 12);
  }
});

test("lines of a value with several are masked one by one, the borders of PEM are not", () => {
  const key = "-----BEGIN KEY-----\nMIIEabcdef0123\nxyz987zyx\n-----END KEY-----\n";
  expect(redacted("log: MIIEabcdef0123!\nlog: xyz987zyx", key)).toBe("log: ***!\nlog: ***");
  expect(redacted("-----BEGIN KEY-----", key)).toBe("-----BEGIN KEY-----");
  expect(redacted(`<${key}>`, key)).toBe("<***>");
  expect(redacted(`<${key.trim()}>`, key)).toBe("<***>");
});

test("short values, numbers, booleans, times and unencrypted values are not secrets", () => {
  const values = {
    a: "secret-a",
    list: ["secret-b", { c: "secret-c" }],
    n: 1_234_567,
    big: 12_345_678_901_234_567_890n,
    yes: true,
    when: new Date(0),
    none: null,
    d_unencrypted: "plain-d",
    group_unencrypted: { e: "plain-e" },
  };
  expect([...secretsIn(values)].toSorted()).toEqual(["secret-a", "secret-b", "secret-c"]);
  expect(redacted("abcde abcdef", "abcde", "abcdef")).toBe("abcde ***");
});
