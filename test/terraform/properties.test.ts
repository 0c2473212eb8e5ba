import fc from "fast-check";
import { expect, test } from "vitest";
import { convert } from "../../src/terraform/convert.ts";
import { ConversionError } from "../../src/k8s/conversion-error.ts";
import { holdsAsHeredoc, quoted } from "../../src/terraform/hcl.ts";
import { readHcl } from "../../src/terraform/hcl-reader.ts";
import { readManifests } from "../../src/k8s/manifest.ts";
import { reverse } from "../../src/terraform/reverse.ts";
import { defaults, exactJson, exactValue, readByTerraform } from "./values.ts";

const pieces = [
  ..."${}%~\"'\\#=:-_ \t\nabcé",
  "\n\n",
  "\r",
  "\r\n",
  "EOT",
  "EOT_",
  "${",
  "$${",
  "%{",
  "%%{",
  "$$$$${x}",
  "%{ if true }y%{ endif }",
  "\u0000",
  "\u0007",
  "\u001b",
  "\u007f",
  "\u0085",
  "\u00a0",
  "\u0332",
  "\u200b",
  "\u200d",
  "\u2028",
  "\u0e33",
  "\ufeff",
  "\uff9e",
  "😀",
  "\u{1f3fb}",
  "\u{e0001}",
  "日本",
  "yes",
  "1.0",
  "null",
  "for",
];
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(""));
const inNfc = text.map((source) => source.normalize("NFC"));
const number = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => value.toString()),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => !Object.is(value, -0))
    .map((value) => JSON.stringify(value)),
);

/** JSON text that is YAML too: YAML takes no control characters, and reads some characters as line breaks. */
const jsonText = (source: string) =>
  JSON.stringify(source).replaceAll(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** JSON text of a random value. */
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    inNfc.map(jsonText),
    number,
    fc.constantFrom("true", "false", "null"),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc.dictionary(inNfc, tie("value"), { maxKeys: 4, noNullPrototype: true }).map(
      (map) =>
        `{${Object.entries(map)
          .map(([key, item]) => `${jsonText(key)}:${item}`)
          .join(",")}}`,
    ),
  ),
}));
const manifest = value.map(
  (spec) => `{"apiVersion":"v1","kind":"Sample","metadata":{"name":"x"},"spec":${spec}}`,
);

const hclOf = (json: string, options: Partial<typeof defaults> = {}) =>
  convert(
    [{ file: "in.json", sourceFile: undefined, content: Buffer.from(json) }],
    { ...defaults, mapOnly: true, ...options },
    () => {},
  )
    .map((one) => one.text)
    .join("\n");

test("random manifests come back from real Terraform exactly", { timeout: 120_000 }, () => {
  const samples = fc.sample(manifest, { numRuns: 300, seed: 7 });
  const printed = samples.map((json, i) =>
    hclOf(json, { bareKeys: i % 2 === 1, multiline: i % 3 === 2 ? "join" : "quoted" }),
  );
  expect(readByTerraform(printed)).toEqual(samples.map(exactJson));
});

test("random manifests come back from --reverse exactly", () => {
  fc.assert(
    fc.property(manifest, fc.boolean(), (json, bareKeys) => {
      const yaml = reverse(hclOf(json, { bareKeys, mapOnly: false }), "out.tf");
      const back = readManifests(Buffer.from(yaml), "back.yaml", () => {});
      expect(back.map((one) => exactValue(one.value))).toEqual([exactJson(json)]);
    }),
  );
});

test("random text comes back as YAML text in kubectl_manifest", { timeout: 120_000 }, () => {
  const samples = fc.sample(manifest, { numRuns: 60, seed: 11 });
  const kept = samples.flatMap((json) => {
    try {
      return [{ json, hcl: hclOf(json, { as: "kubectl", mapOnly: false }) }];
    } catch (error) {
      // Terraform would join a mark to the blank or quote in front of it.
      if (error instanceof ConversionError) return [];
      throw error;
    }
  });
  expect(kept.length).toBeGreaterThan(40);
  const bodies = kept.map(({ hcl }) => /yaml_body = ([^]*)\n\}\n$/.exec(hcl)?.[1] ?? "");
  for (const [i, body] of readByTerraform(bodies).entries()) {
    const [back] = readManifests(Buffer.from(String(body)), "body.yaml", () => {});
    expect(back && exactValue(back.value)).toEqual(exactJson(kept[i]?.json ?? ""));
  }
});

test("text that Terraform would change is refused, and only that", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 8 }), (source) => {
      const json = `{"apiVersion":"v1","kind":"S","metadata":{"name":"x"},"t":${jsonText(source)}}`;
      if (source === source.normalize("NFC")) expect(hclOf(json)).toContain("t");
      else expect(() => hclOf(json)).toThrow(/NFC, at character \d+/);
    }),
  );
});

test("quoted text holds one line and no template", () => {
  fc.assert(
    fc.property(text, (source) => {
      expect(quoted(source)).not.toMatch(/[\n\r]/);
      const [item] = readHcl(`{ t = ${quoted(source)} }`, "x.tf");
      expect(item?.kind === "map" && item.value.entries.get("t")).toMatchObject({ value: source });
      if (holdsAsHeredoc(source)) expect(source).toMatch(/\n$/);
    }),
  );
});
