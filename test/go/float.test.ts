import { expect, test } from "vitest";
import { EmitError } from "../../src/errors.ts";
import { bool, bytes, float, int, map, nil, seq, str, time } from "../../src/tree/node.ts";
import { flatFloat, floatText, goFloat, jsonFloat, yamlFloat } from "../../src/go/float.ts";
import { flatText } from "../../src/tree/flat-text.ts";

test.each([
  // value, MAC and ciphertext, YAML, ENV and INI, JSON
  [1, "1", "1", "1.0", "1"],
  [0, "0", "0", "0.0", "0"],
  [-0, "-0", "-0", "-0.0", "-0"],
  [0.1, "0.1", "0.1", "0.1", "0.1"],
  [0.0001, "0.0001", "0.0001", "0.0001", "0.0001"],
  [0.00001, "0.00001", "1e-05", "1E-05", "0.00001"],
  [1e-7, "0.0000001", "1e-07", "1E-07", "1e-7"],
  [-1.5e-7, "-0.00000015", "-1.5e-07", "-1.5E-07", "-1.5e-7"],
  [100000, "100000", "100000", "100000.0", "100000"],
  [999999.5, "999999.5", "999999.5", "999999.5", "999999.5"],
  [1000000, "1000000", "1e+06", "1E+06", "1000000"],
  [123456789.125, "123456789.125", "1.23456789125e+08", "1.23456789125E+08", "123456789.125"],
  [1e20, "100000000000000000000", "1e+20", "1E+20", "100000000000000000000"],
  [1e21, "1000000000000000000000", "1e+21", "1E+21", "1e+21"],
  [1.5e300, `15${"0".repeat(299)}`, "1.5e+300", "1.5E+300", "1.5e+300"],
  [5e-324, `0.${"0".repeat(323)}5`, "5e-324", "5E-324", "5e-324"],
])("spells the float %d as each place needs it", (value, text, yaml, flat, json) => {
  expect(floatText(value)).toBe(text);
  expect(yamlFloat(value)).toBe(yaml);
  expect(flatFloat(value)).toBe(flat);
  expect(jsonFloat(value)).toBe(json);
});

test("spells infinities and NaN as sops does, and refuses them in JSON", () => {
  const values = [Infinity, -Infinity, NaN];
  expect(values.map(floatText)).toEqual(["+Inf", "-Inf", "NaN"]);
  expect(values.map(flatFloat)).toEqual(["+Inf", "-Inf", "NaN"]);
  expect(values.map(goFloat)).toEqual(["+Inf", "-Inf", "NaN"]);
  expect(values.map(yamlFloat)).toEqual([".inf", "-.inf", ".nan"]);
  for (const value of values) expect(() => jsonFloat(value)).toThrow(EmitError);
});

test("writes every kind of value as flat text", () => {
  expect(flatText(str("a b"))).toBe("a b");
  expect(flatText(bytes(Uint8Array.of(0x61, 0x80)))).toBe("a\udc80");
  expect(flatText(int(-(2n ** 63n)))).toBe("-9223372036854775808");
  expect(flatText(float(2))).toBe("2.0");
  expect([flatText(bool(true)), flatText(bool(false))]).toEqual(["true", "false"]);
  expect(flatText(time("2020-01-01T01:02:03.125+05:30"))).toBe("2020-01-01T01:02:03+05:30");
  expect(flatText(nil())).toBe("<nil>");
});

test("refuses a list or mapping as flat text", () => {
  expect(() => flatText(seq([]))).toThrow(EmitError);
  expect(() => flatText(map([]))).toThrow(EmitError);
});
