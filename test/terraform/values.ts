import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConvertOptions } from "../../src/terraform/convert.ts";
import type { Value } from "../../src/k8s/value.ts";
import { counterpart } from "../counterparts.ts";

export const defaults: ConvertOptions = {
  mapOnly: false,
  bareKeys: false,
  provider: "",
  strip: false,
  keepNamespace: false,
  namespace: "",
  pruneNulls: false,
  pruneEmpty: false,
  import: false,
  as: "manifest",
  secrets: "keep",
  multiline: "quoted",
  lossyUnicode: false,
  failOnPlaintext: false,
  arguments: {
    computedFields: [],
    fieldManager: "",
    forceConflicts: false,
    wait: [],
    timeouts: [],
  },
};

/** A number's exact decimal value as text, so that 1e3 and 1000 are equal and no digit is lost. */
function exact(digits: string): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(digits) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const significant = all.replace(/0+$/, "");
  if (significant === "") return "#0";
  const exponent = Number(power) - fraction.length + (all.length - significant.length);
  return `#${sign}${significant}e${exponent}`;
}

/**
 * JSON text → plain values to compare, each number as its exact decimal value. Texts are parsed one by one: `JSON.parse` of
 * Node.js 24.21 takes a key `"\n"` for `"\\"` behind an object that has that key.
 */
export function exactJson(json: string): unknown {
  const simple = json.replaceAll(/"(?:[^"\\]|\\[^])*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g, (token) =>
    token.startsWith('"')
      ? `"=${Buffer.from(JSON.parse(token) as string, "utf16le").toString("hex")}"`
      : JSON.stringify(exact(token)),
  );
  return decoded(JSON.parse(simple));
}

function decoded(value: unknown): unknown {
  if (typeof value === "string")
    return value.startsWith("=") ? Buffer.from(value.slice(1), "hex").toString("utf16le") : value;
  if (Array.isArray(value)) return value.map(decoded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [String(decoded(key)), decoded(item)]),
  );
}

/** The same form for a value. */
export function exactValue(value: Value): unknown {
  switch (value.kind) {
    case "null":
      return null;
    case "bool":
    case "text":
      return value.value;
    case "int":
      return exact(value.value.toString());
    case "float":
      return exact(String(value.value));
    case "list":
      return value.items.map(exactValue);
    case "map":
      return Object.fromEntries(
        [...value.entries].map(([key, item]) => [key, exactValue(item)] as const),
      );
    default:
      return value satisfies never;
  }
}

const environment = {
  ...process.env,
  TF_CLI_CONFIG_FILE: process.platform === "win32" ? "NUL" : "/dev/null",
  CHECKPOINT_DISABLE: "1",
  TF_IN_AUTOMATION: "1",
};

/** What real Terraform reads from HCL expressions. */
export function readByTerraform(expressions: readonly string[]): unknown[] {
  const folder = mkdtempSync(join(tmpdir(), "sopsmith-terraform-"));
  const run = (...args: string[]): string =>
    execFileSync(counterpart("terraform"), args, {
      cwd: folder,
      env: environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 256 * 1024 * 1024,
    });
  try {
    writeFileSync(
      join(folder, "main.tf"),
      expressions.map((text, i) => `output "o${i}" {\n  value = ${text}\n}\n`).join(""),
    );
    run("plan", "-out=plan", "-input=false", "-no-color");
    const shown = exactJson(withJsonEscapes(run("show", "-json", "plan"))) as {
      planned_values: { outputs: Record<string, { value?: unknown }> };
    };
    return expressions.map((_, i) => shown.planned_values.outputs[`o${i}`]?.value ?? null);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Terraform writes odd characters in object keys with escapes that JSON does not have. */
function withJsonEscapes(json: string): string {
  return json.replaceAll(/\\(x[0-9a-f]{2}|U[0-9a-f]{8}|.)/g, (escape, body: string) => {
    if (body === "a") return "\\u0007";
    if (body === "v") return "\\u000b";
    if (!/^[xU]./.test(body)) return escape;
    return JSON.stringify(String.fromCodePoint(Number.parseInt(body.slice(1), 16))).slice(1, -1);
  });
}
