import { createCipheriv } from "node:crypto";
import { expect, test } from "vitest";
import { LeafCipher, LeafError, plaintextOf, typeTag } from "../../src/crypto/leaf.ts";
import {
  bool,
  bytes,
  comment,
  float,
  int,
  str,
  time,
  type Leaf,
  type Scalar,
} from "../../src/tree/node.ts";
import { thrownBy } from "../verbs.ts";

// The vectors of spec 13.
const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const nonce = Uint8Array.from({ length: 32 }, (_, i) => 32 + i);
const iv = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const cipher = new LeafCipher(key);
const sealed = (data: string, tag: string, type: string) =>
  `ENC[AES256_GCM,data:${data},iv:${iv},tag:${tag},type:${type}]`;
const hello = sealed("f6SdJOI=", "TEFu+ejkdT0ijPtelDWwfg==", "str");

/** Seals any text as any type, as another program could. */
const forged = (text: string | Uint8Array, type: string, aad = "a:") =>
  cipher.seal(text, type, aad, nonce);
const openedAs = (text: string | Uint8Array, type: string): Leaf =>
  cipher.open(forged(text, type), "a:").leaf;

test.each([
  ["hello", "str", "a:b:", hello],
  ["True", "bool", "flag:", sealed("Q7OELQ==", "OAxCU+J6nicSCpxmQvT0Cw==", "bool")],
  [" a note", "comment", "m:", sealed("N6DRJuJ7sw==", "Woy8GtHmEaquAm0qTzNMow==", "comment")],
])("seals %j of type %s to the known answer", (text, type, aad, expected) => {
  expect(cipher.seal(text, type, aad, nonce)).toBe(expected);
  const opened = cipher.open(expected, aad);
  expect(opened.leaf).toMatchObject({ kind: type });
  expect(Buffer.from(opened.nonce)).toEqual(Buffer.from(nonce));
});

test("opens the vectors to their values", () => {
  expect(cipher.open(hello, "a:b:").leaf).toEqual(str("hello"));
  expect(cipher.open(sealed("Q7OELQ==", "OAxCU+J6nicSCpxmQvT0Cw==", "bool"), "flag:").leaf).toEqual(
    bool(true),
  );
  expect(
    cipher.open(sealed("N6DRJuJ7sw==", "Woy8GtHmEaquAm0qTzNMow==", "comment"), "m:").leaf,
  ).toEqual(comment(" a note"));
});

// Spec 2.3.
test.each<[string, string, Scalar]>([
  ["str", "", str("")],
  ["str", "é\u{1f600}", str("é\u{1f600}")],
  ["int", "-9223372036854775808", int(-(2n ** 63n))],
  ["int", "0", int(0n)],
  ["float", "1", float(1)],
  ["float", "0.1", float(0.1)],
  ["float", "-0.00000015", float(-1.5e-7)],
  ["float", `15${"0".repeat(299)}`, float(1.5e300)],
  ["float", "1000000000000000000000", float(1e21)],
  ["float", "0.0000001", float(1e-7)],
  ["float", "-0", float(-0)],
  ["float", "+Inf", float(Infinity)],
  ["float", "-Inf", float(-Infinity)],
  ["float", "NaN", float(Number.NaN)],
  ["bool", "True", bool(true)],
  ["bool", "False", bool(false)],
  ["time", "2020-01-02T03:04:05.1+05:30", time("2020-01-02T03:04:05.1+05:30")],
])("a %s is encrypted as the text %j", (type, text, leaf) => {
  expect(typeTag(leaf)).toBe(type);
  expect(plaintextOf(leaf)).toBe(text);
  if (text !== "") expect(openedAs(text, type)).toEqual(leaf);
});

test("bytes are encrypted as they are, under type str", () => {
  const raw = Uint8Array.of(0, 255, 128, 10);
  expect(typeTag(bytes(raw))).toBe("str");
  const { leaf } = cipher.open(forged(raw, "str"), "a:");
  expect(leaf.kind === "bytes" && Buffer.from(leaf.value)).toEqual(Buffer.from(raw));
});

test.each<[string, string, Leaf]>([
  ["int", "+5", int(5n)],
  ["int", "007", int(7n)],
  ["float", "1e3", float(1000)],
  ["float", "1E-3", float(0.001)],
  ["float", "inf", float(Infinity)],
  ["float", "-Infinity", float(-Infinity)],
  ["float", "infinity", float(Infinity)],
  ["float", "nan", float(Number.NaN)],
  ["float", "0x1p-2", float(0.25)],
  ["float", "-0X1.8p1", float(-3)],
  ["float", ".5", float(0.5)],
  ["float", "5.", float(5)],
  ...["1", "t", "T", "TRUE", "true", "True"].map((text): [string, string, Leaf] => [
    "bool",
    text,
    bool(true),
  ]),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text): [string, string, Leaf] => [
    "bool",
    text,
    bool(false),
  ]),
  ["time", "2020-01-02T03:04:05Z", time("2020-01-02T03:04:05Z")],
  ["bytes", "x", str("x")],
])("reads the %s written as %j by another program", (type, text, leaf) => {
  expect(openedAs(text, type)).toEqual(leaf);
});

test.each(
  [
    ["int", "hello"],
    ["int", "1_000"],
    ["int", "0x10"],
    ["int", "1.0"],
    ["int", " 1"],
    ["int", "9223372036854775808"],
    ["int", "-9223372036854775809"],
    ["int", "-"],
    ["float", "hello"],
    ["float", "1e400"],
    ["float", ""],
    ["float", "0x1"],
    ["bool", "yes"],
    ["bool", "tRUE"],
    ["time", "hello"],
    ["time", "2020-01-02"],
    ["time", "2020-13-02T00:00:00Z"],
    ["Str", "hello"],
    ["__proto__", "hello"],
    ["constructor", "hello"],
  ].filter(([, text]) => text !== ""),
)("refuses type %s over %j", (type, text) => {
  const error = thrownBy(() => openedAs(text, type));
  expect(error).toBeInstanceOf(LeafError);
  expect(error.exitCode).toBe(25);
  expect(error.message).not.toContain(text);
});

// Spec 2.2.
test("empty text is never sealed and opens unchecked", () => {
  expect(cipher.seal("", "str", "a:", nonce)).toBe("");
  expect(cipher.seal(new Uint8Array(0), "str", "a:", nonce)).toBe("");
  expect(cipher.open("", "any:").leaf).toEqual(str(""));
});

test("text after the bracket is ignored", () => {
  expect(cipher.open(`${hello}xyz`, "a:b:").leaf).toEqual(str("hello"));
  expect(cipher.open(`${hello}\nxyz]`, "a:b:").leaf).toEqual(str("hello"));
});

test("line breaks in base64 are ignored", () => {
  expect(cipher.open(hello.replace("iv:", "iv:\r"), "a:b:").leaf).toEqual(str("hello"));
});

test.each([
  ["other text", "hello"],
  ["text in front", ` ${hello}`],
  ["a line end inside", hello.replace(",tag:", ",\ntag:")],
  ["no data", hello.replace("f6SdJOI=", "")],
  ["no iv", hello.replace(iv, "")],
  ["no tag", hello.replace("TEFu+ejkdT0ijPtelDWwfg==", "")],
  ["no type", hello.replace("type:str", "type:")],
  ["another cipher", hello.replace("AES256_GCM", "AES128_GCM")],
  ["no bracket", hello.slice(0, -1)],
])("refuses %s as not encrypted", (_what, text) => {
  const error = thrownBy(() => cipher.open(text, "a:b:"));
  expect(error.message).toMatch(/^Input string /);
  expect(error.exitCode).toBe(25);
  expect(error.message).not.toContain("hello");
});

test.each([
  ["data", hello.replace("f6Sd", "*6Sd")],
  ["data", hello.replace("f6SdJOI=", "f6SdJOI")],
  ["iv", hello.replace(iv, iv.slice(0, -1))],
  ["tag", hello.replace("wfg==", "wfg=")],
  ["tag", hello.replace("TEFu+", "TEFu-")],
])("refuses bad base64 in %s", (part, text) => {
  const error = thrownBy(() => cipher.open(text, "a:b:"));
  expect(error.message.startsWith(`Error base64-decoding ${part}: illegal base64 data`)).toBe(true);
  expect(error.exitCode).toBe(25);
});

test("a type with a bracket is unknown, since the match is greedy", () => {
  expect(
    thrownBy(() => cipher.open(hello.replace("type:str]", "type:float]] x"), "a:b:")).message,
  ).toMatch(/^Unknown datatype/);
});

test("another place, key, nonce or tag is refused", () => {
  const other = new LeafCipher(new Uint8Array(32));
  const failures = [
    () => cipher.open(hello, "a:c:"),
    () => cipher.open(hello, "a:b"),
    () => other.open(hello, "a:b:"),
    () => cipher.open(hello.replace("f6Sd", "f7Sd"), "a:b:"),
    () => cipher.open(hello.replace("ICEi", "ICEj"), "a:b:"),
    () => cipher.open(hello.replace("TEFu", "TEFv"), "a:b:"),
    () => cipher.open(hello.replace("TEFu+ejkdT0ijPtelDWwfg==", "TEFu+ejkdT0ijPte"), "a:b:"),
  ];
  for (const failure of failures) {
    const error = thrownBy(failure);
    expect(error.message).toMatch(/^Could not decrypt with AES_GCM: |^Error base64/);
    expect(error.exitCode).toBe(25);
  }
});

test.each([1, 12, 16, 32, 64])("reads a nonce of %i bytes", (length) => {
  const short = nonce.subarray(0, Math.min(length, 32));
  const full = length > 32 ? Buffer.concat([nonce, nonce]) : short;
  const gcm = createCipheriv("aes-256-gcm", key, full);
  gcm.setAAD(Buffer.from("a:"));
  const data = Buffer.concat([gcm.update("x"), gcm.final()]);
  const text = `ENC[AES256_GCM,data:${data.toString("base64")},iv:${Buffer.from(full).toString("base64")},tag:${gcm.getAuthTag().toString("base64")},type:str]`;
  expect(cipher.open(text, "a:").leaf).toEqual(str("x"));
});

test.each([16, 24])("reads under a data key of %i bytes", (length) => {
  const smaller = new LeafCipher(key.subarray(0, length));
  expect(smaller.open(smaller.seal("x", "str", "a:", nonce), "a:").leaf).toEqual(str("x"));
});

test.each([0, 1, 31, 33])("refuses a data key of %i bytes", (length) => {
  expect(thrownBy(() => new LeafCipher(new Uint8Array(length)))).toBeInstanceOf(LeafError);
});

test("a path is additional data byte by byte", () => {
  const odd = ["colon:key:", ":", "__proto__:", "é\u{1f600}:", "\udcff:"];
  for (const aad of odd) {
    const text = forged("x", "str", aad);
    expect(cipher.open(text, aad).leaf).toEqual(str("x"));
    expect(thrownBy(() => cipher.open(text, `${aad}:`)).exitCode).toBe(25);
  }
  expect(forged("x", "str", "\udcff:")).not.toBe(forged("x", "str", "\ufffd:"));
});
