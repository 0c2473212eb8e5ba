// The main job on one screen, with the built command: a YAML file before and after, and a list of what was tried. Works in
// a folder of its own with a throwaway key, which it removes. Exits with status 1 if anything is not as it should be.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";

const command = join(import.meta.dirname, "../.cache/quickstart/bin/sopsmith.js");
const columns = 80;
const leftColumns = 31;

const yaml = `# who may log in
db:
  user: 'shop'   # not root
  password: "correct horse"
  ports: [5432, 0x1F90]

  tls_key: |
    -----BEGIN EXAMPLE-----
    bm90IGEgcmVhbCBrZXk=

features:
- {name: wishlist, on: false}
`;

const others: Readonly<Record<string, string | Uint8Array>> = {
  "billing.json": '{\n  "token": "tok_4f9c",   "scopes": ["read", "write"],\n  "retries": 3\n}\n',
  "compose.env": '# read by docker compose\nPOSTGRES_PASSWORD="s3cr=t with spaces"\nDEBUG=\n',
  "mail.ini": "[mail]\n; relay inside the network\nhost     = smtp.example\npassword = hunter2\n",
  "keystore.p12": Uint8Array.from({ length: 300 }, (_, index) => (index * 89 + 7) % 256),
};

const folder = mkdtempSync(join(tmpdir(), "sopsmith-quickstart-"));
// Neither the user's own keys nor their settings take part.
const own = Object.entries(process.env).filter(([name]) => !/^SOPS(?:MITH)?_/.test(name));
const env = {
  ...Object.fromEntries(own),
  HOME: folder,
  XDG_CONFIG_HOME: folder,
  SOPS_AGE_KEY_FILE: join(folder, "keys.txt"),
};

/** Runs the command in the folder, without any key where `keys` is false. */
function call(args: readonly string[], keys = true) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: folder,
    env: keys ? env : { ...env, SOPS_AGE_KEY_FILE: "" },
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr: stderr.toString() };
}

function sopsmith(...args: string[]): Buffer {
  const { status, stdout, stderr } = call(args);
  if (status !== 0) throw new Error(`sopsmith ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

const read = (name: string) => readFileSync(join(folder, name), "utf8");
const write = (name: string, text: string | Uint8Array) => writeFileSync(join(folder, name), text);

function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  styleText(style, text, { stream: process.stdout });

/** A line of the encrypted file, fit for half a screen: ciphertexts are cut. */
function shortened(line: string): string {
  return line
    .replaceAll(/ENC\[AES256_GCM,data:([^,]{1,4}).*?(?:\]|\\x5D)/g, "ENC[…$1…]")
    .slice(0, columns - leftColumns - 2);
}

function before(line: string): string {
  const [, key = "", rest = ""] = /^(\s*(?:- )?(?:[\w]+:)?)(.*)$/.exec(line) ?? [];
  if (rest === "") return key;
  return `${key}${paint(rest.trimStart().startsWith("#") ? "gray" : "yellow", rest)}`;
}

function after(line: string): string {
  return line.replaceAll(/#?ENC\[[^\]]*\]/g, (text) => paint("cyan", text));
}

/** The file before and after, side by side. A text of several lines is one ciphertext: the lines beside it are empty. */
function showBothSides(encrypted: string): void {
  const right = encrypted.slice(0, encrypted.indexOf("sops:\n")).split("\n");
  say(paint("bold", `${"shop.yaml".padEnd(leftColumns)}the same file, encrypted`));
  for (const plain of yaml.trimEnd().split("\n")) {
    const isRest = plain.startsWith("    ") && right[0]?.startsWith("    ") === false;
    const sealed = isRest ? "" : shortened(right.shift() ?? "");
    const gap = " ".repeat(leftColumns - plain.length);
    say(`${before(plain)}${sealed === "" ? "" : gap}${after(sealed)}`);
  }
  say(`${" ".repeat(leftColumns)}sops: ${paint("gray", "# recipients, time, MAC")}`);
}

let failures = 0;

function check(holds: boolean, text: string): void {
  if (!holds) failures++;
  say(`${holds ? paint("green", "✓") : paint("red", "✗ FAILED:")} ${text}`);
}

function tryOut(recipient: string): void {
  const encrypt = (name: string) => sopsmith("encrypt", "-i", "--age", recipient, name);
  write("shop.yaml", yaml);
  encrypt("shop.yaml");
  const sealed = read("shop.yaml");
  showBothSides(sealed);
  say();

  const isSame = (name: string, text: string | Uint8Array) =>
    sopsmith("decrypt", name).equals(Buffer.from(text));
  check(
    isSame("shop.yaml", yaml),
    "it decrypts to the same bytes: quotes, comments, 0x1F90, empty line",
  );

  for (const [name, text] of Object.entries(others)) {
    write(name, text);
    encrypt(name);
  }
  const names = Object.keys(others);
  check(
    names.every((name) => isSame(name, others[name] ?? "")),
    `so do ${names.join(", ")}`,
  );

  sopsmith("set", "--dotted", "--string", "shop.yaml", "db.password", "battery staple");
  const lines = read("shop.yaml").split("\n");
  // Within one second the time does not change.
  const changed = sealed
    .split("\n")
    .filter((line) => !lines.includes(line) && !line.includes("lastmodified:"));
  check(
    changed.length === 2 && changed[0]?.includes("password") === true,
    "changing one value changes its line, the time and the MAC: a diff of 3 lines",
  );

  write("ours.yaml", read("shop.yaml"));
  write("theirs.yaml", sealed);
  write("base.yaml", sealed);
  sopsmith("set", "--dotted", "--string", "theirs.yaml", "db.user", "till");
  sopsmith("git", "merge", "base.yaml", "ours.yaml", "theirs.yaml", "7", "shop.yaml");
  const merged = sopsmith("decrypt", "ours.yaml").toString();
  check(
    merged.includes("'till'") && merged.includes('"battery staple"'),
    "two branches that change different values merge without a conflict",
  );

  write(
    "forged.yaml",
    sealed.replace(
      /(user: '[^,]*,data:)(.)/,
      (_, start: string, digit: string) => start + (digit === "A" ? "B" : "A"),
    ),
  );
  const forged = call(["decrypt", "forged.yaml"]);
  check(
    forged.status === 25 && forged.stdout.length === 0,
    "a forged value is refused, and nothing is printed",
  );

  const locked = call(["decrypt", "shop.yaml"], false);
  check(
    locked.status === 128 && locked.stdout.length === 0,
    "without the key, the file does not open",
  );
}

try {
  sopsmith("keygen", "-o", "keys.txt");
  const recipient = sopsmith("keygen", "-y", "keys.txt").toString().trim();
  say(paint("dim", `$ sopsmith encrypt --in-place --age ${recipient.slice(0, 9)}… shop.yaml`));
  tryOut(recipient);
  if (failures > 0) {
    say(`\n${failures} of the checks failed.`);
    process.exitCode = 1;
  } else
    say(`
Everything works. The throwaway key and the files have been removed. Your turn:

  npm pack --silent && npm install -g ./sopsmith-*.tgz
  sopsmith init                  your own key, .sops.yaml and a first file
  sopsmith encrypt -i FILE       encrypt another file
  sopsmith edit FILE             README.md continues from here`);
} catch (error) {
  process.stderr.write(
    `quickstart failed: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
