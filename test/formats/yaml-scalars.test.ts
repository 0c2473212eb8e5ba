import { expect, test } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { yaml } from "../../formats/yaml.ts";
import { goDecodedType } from "../../src/go/type.ts";

/** The types that sops 3.13.3 gives to spellings: in its configuration, as its messages name them, and the same in files. */
const typesInSops: Readonly<Record<string, readonly string[]>> = {
  int: [
    "0",
    "1",
    "01",
    "0o17",
    "017",
    "0x1F",
    "0X1f",
    "0b11",
    "0B1",
    "0O17",
    "1_000",
    "1__0",
    "1_",
    "0x_1",
    "0_7",
    "+1",
    "-1",
    "+0",
    "-0",
    "00",
    "9223372036854775807",
    "-9223372036854775808",
    "0o-7",
    "-0o7",
    "0o+7",
    "0b-1",
    "0b+11",
    "-0b1",
    "-01",
    "+0x1",
    "-0x1",
    "!!int 1",
    "!!int '1'",
    "!!int '0x1f'",
    "! 1",
  ],
  string: [
    "0o8",
    "_1",
    "0b2",
    "0x",
    "0o",
    "0b",
    "-0o-7",
    "0x10000000000000000",
    "._5",
    ".",
    "1e",
    "1e400",
    "-1e400",
    "0x1p3",
    "0x1.8p1",
    ".iNF",
    "+.nan",
    "inf",
    "nan",
    "tRue",
    "yes",
    "Yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "nULL",
    "2001-13-01",
    "2001-02-30",
    "2001-01-01 00:00:00 Z",
    "2001-01-01T00:00:00",
    "2001-01-01T",
    "2001-01-01x",
    "12:30",
    "1:2:3",
    "190:20:30",
    "--1",
    "+-1",
    "0x-1",
    "1.2.3",
    "!!str 1",
    "!!binary YWJj",
    "!foo 1",
    "! '1'",
    "'1'",
    "'true'",
    '"~"',
    "''",
    "!!str ~",
    "!!str",
    "0b12",
    "1e1.5",
    "é",
    "=",
    "<",
    "?a",
    "0xg",
    "٣",
  ],
  float64: [
    "08",
    "18446744073709551616",
    "-9223372036854775809",
    "+9223372036854775808",
    "1.0",
    "1.",
    "1.5",
    "-1.5",
    "+1.5",
    ".5",
    "-.5",
    "+.5",
    ".5_1",
    ".5e3",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1_0.5",
    "1.5_5",
    "1_e3",
    "0.1e1_0",
    ".inf",
    ".Inf",
    ".INF",
    "+.inf",
    "-.inf",
    "-.INF",
    "+.Inf",
    ".nan",
    ".NaN",
    ".NAN",
    "0.",
    "00.5",
    "09.5",
    "!!float 1",
    "!!float '1.5'",
  ],
  uint64: [
    "9223372036854775808",
    "18446744073709551615",
    "0xFFFFFFFFFFFFFFFF",
    "0o1777777777777777777777",
  ],
  bool: ["true", "True", "TRUE", "false", "False", "FALSE", "!!bool true", "!!bool 'true'"],
  "<nil>": ["~", "null", "Null", "NULL", "!!null ~", "!!null ''", "!!null 'null'"],
  "time.Time": [
    "2001-01-01",
    "2001-1-1",
    "2001-01-01T00:00:00Z",
    "2001-01-01 00:00:00",
    "2001-01-01 0:0:0.5",
    "2001-01-01t1:2:3+01:00",
    "!!timestamp 2001-01-01",
    "!!timestamp '2001-01-01'",
  ],
  refused: ["!!int 1.5", "!!float 9223372036854775808", "!!bool yes", "!!binary '*'", "!!int"],
};

const rows = Object.entries(typesInSops).flatMap(([type, spellings]) =>
  spellings.map((spelling) => ({ type, spelling })),
);

/** The type of `a: SPELLING` in a file. */
function typeInFile(spelling: string): string {
  try {
    const [item] = yaml.parse(Buffer.from(`a: ${spelling}\n`), { sealed: false })[0]?.items ?? [];
    return item?.kind === "entry" ? goDecodedType(item.value) : "no entry";
  } catch {
    return "refused";
  }
}

/** The type of a list of keys in the configuration, which must be text. */
async function typeInConfig(spelling: string): Promise<string> {
  const text = `creation_rules:\n  - age:\n      - ${spelling}\n`;
  try {
    const config = await parseConfig(Buffer.from(text), ".sops.yaml", () => {});
    const keys = [...(config.creationRules?.[0]?.keys ?? [])].find(([type]) => type === "age")?.[1];
    if (keys === undefined) return "no keys";
    return "items" in keys ? "string" : (/ got (.*)$/.exec(keys.problem)?.[1] ?? keys.problem);
  } catch {
    return "refused";
  }
}

test.each(rows)("$spelling is read as $type, as in sops", async ({ type, spelling }) => {
  expect(typeInFile(spelling)).toBe(type);
  expect(await typeInConfig(spelling)).toBe(type);
});
