import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert, type ConvertOptions } from "../../src/terraform/convert.ts";
import { ConversionError } from "../../src/k8s/conversion-error.ts";
import { readHcl } from "../../src/terraform/hcl-reader.ts";
import { readManifests } from "../../src/k8s/manifest.ts";
import { reverse } from "../../src/terraform/reverse.ts";
import { defaults, exactJson, exactValue, readByTerraform } from "./values.ts";

const folder = join(import.meta.dirname, "../../fixtures/golden-tf/cases");
const file = "input.yaml";

function optionsOf(args: readonly string[]): ConvertOptions {
  const has = (...names: string[]) => args.some((word) => names.includes(word));
  const at = args.findIndex((word) => word === "-p" || word === "--provider");
  return {
    ...defaults,
    strip: has("-s", "--strip"),
    mapOnly: has("-M", "--map-only"),
    bareKeys: has("-Q", "--strip-key-quotes"),
    provider: at < 0 ? "" : (args[at + 1] ?? ""),
  };
}

interface Verdict {
  tfk8s_exact: boolean;
  refuse?: boolean;
}

const cases = readdirSync(folder).map((name) => {
  const read = (part: string) => readFileSync(join(folder, name, part), "utf8");
  const options = optionsOf(JSON.parse(read("args.json")) as string[]);
  return {
    name,
    options,
    verdict: JSON.parse(read("verdict.json")) as Verdict,
    tfk8s: read("tfk8s.tf"),
    expected: exactJson(read("expected.json")),
    convert: () => {
      const content = readFileSync(join(folder, name, file));
      return convert([{ file, sourceFile: file, content }], options, () => {})
        .map(({ text }) => text)
        .join("\n");
    },
  };
});
const good = cases.filter(({ verdict }) => verdict.refuse !== true);

/** The HCL of each manifest, read by ourselves. */
const manifestsIn = (hcl: string) =>
  readHcl(hcl, "out.tf").map((item) => {
    if (item.kind === "map") return item.value;
    const manifest = item.body.attributes.get("manifest");
    if (manifest === undefined) throw new Error("a resource without manifest");
    return manifest();
  });

describe("what tfk8s prints and Terraform reads back is printed byte for byte", () => {
  test.each(good.filter(({ verdict }) => verdict.tfk8s_exact))("$name", (one) => {
    expect(one.convert()).toBe(one.tfk8s);
  });
});

describe("the printed HCL contains the manifests", () => {
  test.each(good)("$name", (one) => {
    expect(manifestsIn(one.convert()).map(exactValue)).toEqual(one.expected);
  });
});

describe("--reverse gives the same manifests", () => {
  test.each(good)("$name", (one) => {
    const yaml = reverse(one.convert(), "out.tf");
    const back = readManifests(Buffer.from(yaml), "back.yaml", () => {});
    expect(back.map(({ value }) => exactValue(value))).toEqual(one.expected);
  });
});

describe("what Terraform or Kubernetes cannot hold is refused", () => {
  test.each(cases.filter(({ verdict }) => verdict.refuse === true))("$name", (one) => {
    expect(one.convert).toThrow(ConversionError);
    expect(one.convert).toThrow(/^input\.yaml:\d+: /);
  });
});

test("real Terraform reads every printed manifest back exactly", { timeout: 120_000 }, () => {
  const printed = good.flatMap((one) => {
    const hcl = one.convert();
    const maps = one.options.mapOnly
      ? hcl.split(/(?<=^\}\n)\n/m)
      : hcl
          .split(/(?<=^\}\n)\n/m)
          .map((block) => /manifest = ([^]*)\n\}\n$/.exec(block)?.[1] ?? "");
    return hcl === "" ? [] : maps;
  });
  expect(printed.length).toBeGreaterThan(100);
  expect(readByTerraform(printed)).toEqual(good.flatMap(({ expected }) => expected as unknown[]));
});
