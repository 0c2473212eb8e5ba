import { afterAll, beforeAll, expect, test } from "vitest";
import { Program } from "./built.ts";

const program = new Program({
  "app.mjs": 'import "sopsmith/config";\nimport "./show.mjs";\n',
  "show.mjs":
    "const { DB_PASS, TOKEN, PORT } = process.env;\nconsole.log(JSON.stringify([DB_PASS, TOKEN, PORT]));\n",
  "show.cjs": "console.log(process.env.TOKEN);\n",
  "require.cjs": 'require("sopsmith/config");\n',
  "both.mjs":
    'import { load } from "sopsmith/config";\nconsole.log(JSON.stringify(await load({ files: process.argv.slice(2), env: process.env })));\n',
  "inner/package.json": "{}",
});

beforeAll(async () => {
  await program.seal(".env.enc", "TOKEN=from-env-file\nPORT=1\n", "dotenv");
  await program.seal("secrets.enc.yaml", "db:\n  pass: from-yaml\nport: 2\n", "yaml");
  await program.seal("other.enc.json", '{"token": "other", "port": 3}', "json");
});
afterAll(() => program.remove());

const out = (value: unknown) => ({ status: 0, stdout: `${JSON.stringify(value)}\n`, stderr: "" });

test("import and --import put the usual files into the environment, the last on top", () => {
  expect(program.node(["app.mjs"])).toEqual(out(["from-yaml", "from-env-file", "2"]));
  expect(program.node(["--import", "sopsmith/config", "show.mjs"])).toEqual(
    out(["from-yaml", "from-env-file", "2"]),
  );
  expect(program.node(["--import", "sopsmith/config", "show.cjs"]).stdout).toBe("from-env-file\n");
  expect(program.node(["show.cjs"], { NODE_OPTIONS: "--import=sopsmith/config" }).stdout).toBe(
    "from-env-file\n",
  );
});

test("existing variables stay, and SOPSMITH_FILES names other files, or none", () => {
  expect(program.node(["app.mjs"], { TOKEN: "mine" })).toEqual(out(["from-yaml", "mine", "2"]));
  expect(program.node(["app.mjs"], { SOPSMITH_FILES: "other.enc.json" })).toEqual(
    out([null, "other", "3"]),
  );
  expect(program.node(["app.mjs"], { SOPSMITH_FILES: "" })).toEqual(out([null, null, null]));
});

test("files are found upwards, but not beyond the package", () => {
  const inner = program.path("inner");
  expect(program.node(["../app.mjs"], {}, inner)).toEqual(out([null, null, null]));
  program.write("deep/er/x", "");
  expect(program.node(["../../app.mjs"], {}, program.path("deep/er"))).toEqual(
    out(["from-yaml", "from-env-file", "2"]),
  );
});

test("what the import put there does not win over the files of load", () => {
  expect(program.node(["both.mjs", "other.enc.json"])).toEqual(out({ token: "other", port: 3 }));
  expect(program.node(["both.mjs", "other.enc.json"], { TOKEN: "mine" })).toEqual(
    out({ token: "mine", port: 3 }),
  );
});

test("require says in one sentence what to do", () => {
  const { status, stderr } = program.node(["require.cjs"]);
  expect(status).toBe(1);
  expect(stderr).toContain(
    'Error: sopsmith/config cannot be loaded with require(): start the program with "node --import sopsmith/config", or load it with await import("sopsmith/config").',
  );
});

test("a missing key ends the program, and no value is shown", () => {
  const { status, stdout, stderr } = program.node(["app.mjs"], { SOPS_AGE_KEY: "" });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(".env.enc");
});

test("patchConsole masks what console prints, and can be taken off", () => {
  program.write(
    "console.mjs",
    `import { patchConsole, redactStream } from "sopsmith/redact";
import { Readable } from "node:stream";
const secret = "top-secret-1";
const restore = patchConsole({ a: secret, n: 1234567 });
console.log("a", secret, { deep: { secret } }, 1234567);
console.error(new Error("with " + secret).message);
console.table([{ secret }]);
console.dir({ secret });
restore();
console.log(secret);
Readable.from(["top-se", "cret", "-1!"]).pipe(redactStream([secret])).pipe(process.stdout);
`,
  );
  const { status, stdout, stderr } = program.node(["console.mjs"]);
  expect(status).toBe(0);
  expect(stderr).toBe("with ***\n");
  expect(stdout.match(/top-secret-1/g)).toHaveLength(1);
  expect(stdout).toMatch(/^a \*\*\* \{ deep: \{ secret: '\*\*\*' \} \} 1234567\n/);
  expect(stdout).toMatch(/top-secret-1\n\*\*\*!$/);
});

test("a browser is refused in one sentence", () => {
  program.write("web.mjs", 'import { load } from "sopsmith/config";\nconsole.log(load);\n');
  const { status, stderr } = program.node(["--conditions=browser", "web.mjs"]);
  expect(status).toBe(1);
  expect(stderr).toContain(
    "Error: sopsmith decrypts secrets, so it runs on a server only: import it only in code that no browser loads.",
  );
});
