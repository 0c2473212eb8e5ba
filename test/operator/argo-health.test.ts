import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Json, SopsSecret, SopsSecretStatus } from "../../src/k8s/sops-secret.ts";
import { nextStatus, suspendedStatus } from "../../src/operator/status.ts";
import { counterpart } from "../counterparts.ts";

const script = join(import.meta.dirname, "../../deploy/argo-cd/health.lua");

/** A value as Lua has it, which is how Argo CD hands the object to the script. */
function lua(value: Json | undefined): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `{${value.map(lua).join(",")}}`;
  return `{${Object.entries(value)
    .map(([key, item]) => `[${JSON.stringify(key)}]=${lua(item)}`)
    .join(",")}}`;
}

/** What real Lua says of an object with this status. */
function health(status: SopsSecretStatus | undefined, generation = 2): string {
  const object = {
    metadata: { name: "x", generation },
    ...(status === undefined ? {} : { status }),
  };
  const program = `obj = ${lua(object)}\nlocal hs = dofile(arg[1])\nio.write(hs.status, "|", hs.message)`;
  const options = { input: program, encoding: "utf8" } as const;
  return execFileSync(counterpart("lua"), ["-", script], options);
}

const object: SopsSecret = { metadata: { name: "x", generation: 2 } };
const now = new Date(0);
const healthy = nextStatus(
  object,
  {
    findings: [],
    problem: undefined,
    children: [{ name: "a", type: "Opaque", result: "Created" }],
  },
  now,
);
const failed = nextStatus(
  object,
  {
    findings: [],
    problem: {
      reason: "KeyUnavailable",
      message: "no key opens it",
      text: "Decryption error",
      isStalled: false,
    },
    children: [],
  },
  now,
);

test("the health script knows what the operator says of an object", () => {
  expect(health(healthy)).toBe("Healthy|1 Secret is up to date");
  expect(health(failed)).toBe("Degraded|no key opens it");
  expect(health(suspendedStatus({ ...object, status: healthy }, now))).toMatch(/^Suspended\|.+/);
});

test("it waits for an operator that has not seen the object yet, or its latest change", () => {
  expect(health(undefined)).toBe("Progressing|waiting for the operator");
  expect(health({})).toBe("Progressing|waiting for the operator");
  expect(health(healthy, 3)).toBe("Progressing|waiting for the operator to see the latest change");
});

test("it understands objects of sops-secrets-operator, which have a message only", () => {
  expect(health({ message: "Healthy" })).toBe("Healthy|Healthy");
  expect(health({ message: "Decryption error" })).toBe("Degraded|Decryption error");
});

test("the page shows the script as it is", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/argo-cd.md"), "utf8");
  const [, inConfig = ""] = /SopsSecret: \|\n(.*?)^```$/ms.exec(page) ?? [];
  expect(inConfig.replaceAll(/^ {4}/gm, "")).toBe(readFileSync(script, "utf8"));
});
