import { execFileSync } from "node:child_process";
import { afterAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { counterpart } from "../../counterparts.ts";
import { Both } from "../both.ts";
import { bob } from "../fake-host.ts";
import { KeyRing } from "../key-ring.ts";
import { protectedIdentityFile } from "./protected-file.ts";

const ring = new KeyRing();
afterAll(() => ring.remove());
const file = protectedIdentityFile(`${bob.identity}\n`, "open sesame");

function gpgconf(...args: string[]): string {
  const options = ["--homedir", ring.dir, ...args];
  return execFileSync(counterpart("gpgconf"), options, { encoding: "utf8" }).trim();
}

/** A file for bob, whose identity file gpg-agent has to open. */
async function sealedForBob(): Promise<{ both: Both; sealed: string }> {
  const both = new Both({}, { "key.age": file });
  onTestFinished(() => both.remove());
  const sealed = await both.sealed(["--age", bob.recipient]);
  return { both, sealed };
}

let env: Record<string, string>;
beforeEach(() => {
  ring.stopAgent();
});

function startAgent(): void {
  gpgconf("--launch", "gpg-agent");
  env = {
    SOPS_AGE_KEY_FILE: "key.age",
    GPG_AGENT_INFO: `${gpgconf("--list-dirs", "agent-socket")}:0:1`,
  };
}

const asked = () =>
  ring
    .asked()
    .split("\n")
    .filter((line) => line === "GETPIN").length;

test("gpg-agent asks for the passphrase once, as it does for real sops", async () => {
  ring.usePinentry("D open sesame\\nOK");
  startAgent();
  const { both, sealed } = await sealedForBob();
  await both.expectOpens(sealed, env);
  await both.expectOpens(sealed, env);
  expect(asked()).toBe(1);
  // Real sops tells the agent of these, and fails where they are empty.
  const screen = { DISPLAY: ":0", TERM: "xterm" };
  const { code, stderr } = await both.sops(["decrypt", sealed], { ...env, ...screen });
  expect([code, stderr]).toEqual([0, ""]);
  expect(asked()).toBe(1);
});

test("a wrong passphrase is forgotten, so that the agent asks again", async () => {
  ring.usePinentry("D open barley\\nOK");
  startAgent();
  const { both, sealed } = await sealedForBob();
  const report = await both.unwrapError(sealed, env);
  expect(report).toContain(
    "failed to decrypt identity file 'SOPS_AGE_KEY_FILE': incorrect passphrase",
  );
  expect(report).not.toContain("barley");
  ring.usePinentry("D open sesame\\nOK");
  startAgent();
  await both.expectOpens(sealed, env);
});

test("says that the user canceled the agent's question", async () => {
  ring.usePinentry("ERR 83886179 canceled");
  startAgent();
  const { both, sealed } = await sealedForBob();
  expect(await both.unwrapError(sealed, env)).toContain(
    "gpg-agent gave no passphrase: the request was canceled",
  );
});
