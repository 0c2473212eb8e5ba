import { expect, test } from "vitest";
import { run } from "../../src/cli/main.ts";
import type { Streams } from "../../src/cli/command.ts";
import type { HttpRequest, HttpResponse } from "../../src/io/host.ts";
import { versionLine } from "../../src/version.ts";
import { fakeHost } from "../keys/fake-host.ts";
import { checkRows } from "./rows.ts";
import { joinChunks } from "../../src/tree/long-text.ts";
import { rows } from "./check-for-updates.rows.ts";

checkRows(rows);

// GitHub is a function here: no test asks a real host.

const releases = "https://github.com/getsops/sops/releases";

/** What the command line prints, and what it asked. */
async function ask(
  words: readonly string[],
  answer?: (request: HttpRequest) => Partial<HttpResponse>,
) {
  const host = fakeHost(
    answer === undefined
      ? {}
      : {
          fetch: (request) => ({
            status: 200,
            headers: {},
            body: new Uint8Array(),
            ...answer(request),
          }),
        },
  );
  let stdout = "";
  let stderr = "";
  const streams: Streams = {
    readStdin: () => Promise.resolve(new Uint8Array()),
    writeStdout: (chunks) => {
      stdout += joinChunks(chunks).toString();
      return Promise.resolve();
    },
    writeStderr: (text) => void (stderr += text),
    askYesNo: () => Promise.resolve(false),
    color: false,
    colorStdout: false,
    isTerminal: false,
  };
  const code = await run(words, host, streams);
  return { code, stdout, stderr, asked: host.log.filter((line) => line.startsWith("fetch ")) };
}

const redirectTo = (tag: string) => () => ({
  status: 302,
  headers: { location: `${releases}/tag/${tag}` },
});
const json = (value: unknown) => ({ body: Buffer.from(JSON.stringify(value)) });
/** No redirect for HEAD; this for GET. */
const listed = (answer: Partial<HttpResponse>) => (request: HttpRequest) =>
  request.method === "HEAD" ? {} : answer;

test.each([[["--version"]], [["--version", "--disable-version-check"]], [["-v", "decrypt", "x"]]])(
  "%j asks nobody",
  async (words) => {
    expect(await ask(words)).toEqual({
      code: 0,
      stdout: `${versionLine}\n`,
      stderr: "",
      asked: [],
    });
  },
);

test.each([
  ["the same release", redirectTo("v3.13.3"), ` (latest)\n`],
  ["an older release", redirectTo("v3.9.4"), ` (latest)\n`],
  [
    "a newer release",
    redirectTo("v3.14.0"),
    `\n[info] a new version of sops (v3.14.0) is available; this sopsmith follows 3.13.3: ${releases}/tag/v3.14.0\n`,
  ],
  [
    "no redirect, but a list",
    listed(json({ tag_name: "v4.0.0", html_url: `${releases}/tag/v4.0.0` })),
    `\n[info] a new version of sops (v4.0.0) is available; this sopsmith follows 3.13.3: ${releases}/tag/v4.0.0\n`,
  ],
  [
    "a refusal",
    listed({ status: 403 }),
    "\n[warning] failed to retrieve latest version from upstream: the request for the list of releases was answered with status 403\n",
  ],
  [
    "no JSON",
    listed({ body: Buffer.from("<html>") }),
    "\n[warning] failed to retrieve latest version from upstream: the list of releases is not JSON\n",
  ],
  [
    "another list",
    listed(json([])),
    "\n[warning] failed to retrieve latest version from upstream: the list of releases is empty\n",
  ],
  [
    "a release with control characters for a name",
    listed(json({ tag_name: "v9.0.0\u001b[31m", html_url: "x" })),
    "\n[warning] failed to retrieve latest version from upstream: the name of the latest release is not a version\n",
  ],
])("--check-for-updates tells the answer: %s", async (_, answer, text) => {
  for (const words of [
    ["--version", "--check-for-updates"],
    ["--check-for-updates", "--disable-version-check", "-v"],
  ]) {
    const { code, stdout, stderr, asked } = await ask(words, answer);
    expect([code, stdout, stderr]).toEqual([0, versionLine + text, ""]);
    expect(asked[0]).toBe(`fetch HEAD ${releases}/latest`);
  }
});
