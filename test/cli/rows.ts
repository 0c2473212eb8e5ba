import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { identities, plain, recipients, sealed } from "./samples.ts";
import { Sandbox, type Result } from "./sandbox.ts";

/** One command line, run as a process of its own in a directory with the sample files. */
export interface Row {
  /**
   * Split at blanks that are not in single quotes; the words `A` and `B` stand for recipients.
   */
  line: string;
  code?: number;
  /** All of stdout, or a pattern. Default: nothing. */
  stdout?: string | RegExp;
  /** Default: nothing. */
  stderr?: RegExp;
  stdin?: string;
  env?: Readonly<Record<string, string>>;
  files?: Readonly<Record<string, string>>;
  /** What must hold afterwards. Default: no file has changed. */
  after?: (box: Sandbox, result: Result) => void | Promise<void>;
}

/** Where edited files lie while the editor runs. */
const temp = mkdtempSync(join(tmpdir(), "sopsmith-edit-"));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

/** A directory to run the program in, with the editor's files in a place of their own. */
export function sandboxFor(
  identity: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Sandbox {
  return new Sandbox(files, { SOPS_AGE_KEY: identity, TMPDIR: temp });
}

export function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare = ""]) => {
    const word = quoted ?? bare;
    return word === "A" || word === "B" ? recipients[word] : word;
  });
}

/** Makes a test of each row. */
export function checkRows(rows: readonly Row[]): void {
  test.concurrent.each(rows.map((row) => [titleOf(row), row] as const))(
    "%s",
    { timeout: 60_000 },
    async (_, row) => {
      const files: Record<string, string | Uint8Array> = { ...plain, ...sealed, ...row.files };
      const box = sandboxFor(identities.A, files);
      try {
        const result = await box.run(words(row.line), row);
        expectCode(result, row.code ?? 0);
        if (row.stdout instanceof RegExp) expect(result.stdout).toMatch(row.stdout);
        else expect(result.stdout).toBe(row.stdout ?? "");
        expect(result.stderr).toMatch(row.stderr ?? /^$/);
        expect(result.stderr).not.toMatch(/^ {4}at /m);
        if (row.after !== undefined) {
          await row.after(box, result);
          return;
        }
        expect(box.names()).toEqual(Object.keys(files).toSorted());
        for (const [name, content] of Object.entries(files))
          expect([name, readFileSync(box.path(name)).equals(Buffer.from(content))]).toEqual([
            name,
            true,
          ]);
      } finally {
        box.remove();
      }
    },
  );
}

/** Shows what the program said when it ends otherwise than expected. */
export function expectCode({ code, stderr }: Result, expected: number): void {
  expect([code, code === expected ? "" : stderr]).toEqual([expected, ""]);
}

function titleOf({ line, code, env }: Row): string {
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value} `);
  return `${variables.join("")}sopsmith ${line}${code === undefined ? "" : ` (${code})`}`;
}

/** The file decrypts to this text. */
export function decrypts(
  name: string,
  text: string | RegExp,
  identity: keyof typeof identities = "A",
) {
  return async (box: Sandbox): Promise<void> => {
    const result = await box.run(["decrypt", name], {
      env: { SOPS_AGE_KEY: identities[identity] },
    });
    expectCode(result, 0);
    if (typeof text === "string") expect(result.stdout).toBe(text);
    else expect(result.stdout).toMatch(text);
  };
}

/** The file's text is this. */
export function holds(name: string, text: string | RegExp) {
  return (box: Sandbox): void => {
    if (typeof text === "string") expect(box.read(name)).toBe(text);
    else expect(box.read(name)).toMatch(text);
  };
}

/** The file's text is anything but this. */
export function lacks(name: string, text: string | RegExp) {
  return (box: Sandbox): void => {
    if (typeof text === "string") expect(box.read(name)).not.toBe(text);
    else expect(box.read(name)).not.toMatch(text);
  };
}

export function holdsBytes(name: string, bytes: Uint8Array) {
  return (box: Sandbox): void => {
    expect(readFileSync(box.path(name))).toEqual(bytes);
  };
}
