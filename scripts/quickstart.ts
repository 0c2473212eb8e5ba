// The main job on real input, with the built command: a throw-away age key, one secrets file in each format, encrypted,
// shown, decrypted and compared byte for byte. Ends with status 1 on any difference. Leaves nothing behind.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const command = join(import.meta.dirname, "../dist/bin/sopsmith.js");

const yaml = `# Settings of the shop's backend
database:
    # the primary; replicas follow it
    host: db.internal.example
    port: 5432
    user: shop
    password: correct horse battery staple
    pool:
        min: 2
        max: 20
        idle_seconds: 12.5
features:
    - name: checkout
      enabled: true
    - name: wishlist
      enabled: false
# rotated every quarter
tls_key: |
    -----BEGIN EXAMPLE KEY-----
    bm90IGEgcmVhbCBrZXksIG9ubHkgdGhlIHNoYXBlIG9mIG9uZQ==
    -----END EXAMPLE KEY-----
owner_unencrypted: team-payments
`;

const json = `{
	"service": "billing",
	"api": {
		"endpoint": "https://api.example/v2",
		"token": "tok_4f9c2d71",
		"retries": 3,
		"timeout": 2.5,
		"sandbox": false,
		"scopes": [
			"read",
			"write"
		]
	},
	"region_unencrypted": "eu-west-1"
}
`;

const dotenv = `# read by docker compose
POSTGRES_USER=shop
POSTGRES_PASSWORD=s3cr=t with spaces
# one line each
SESSION_KEYS=old,new
LOG_LEVEL_unencrypted=info
`;

const ini = `[mail]
; relay inside the network
host     = smtp.internal.example
port     = 587
password = hunter2 is not one

[backup]
bucket             = nightly
secret             = AbC/123+xyz
region_unencrypted = eu-west-1
`;

const binary = Uint8Array.from({ length: 300 }, (_, index) => (index * 89 + 7) % 256);

const samples: { name: string; text: string | Uint8Array }[] = [
  { name: "backend.yaml", text: yaml },
  { name: "billing.json", text: json },
  { name: "compose.env", text: dotenv },
  { name: "mail.ini", text: ini },
  { name: "keystore.p12", text: binary },
];

function say(text = ""): void {
  process.stdout.write(`${text}\n`);
}

/** The encrypted file, fit for a screen: the middle of each ciphertext and of the wrapped data key is left out. */
function shortened(text: string): string {
  const columns = 110;
  return text
    .replaceAll(/(data:[^,]{12})[^,]{4,}(?=,iv:)/g, "$1…")
    .replaceAll(/((?:iv|tag):[^,]{6})[^,]*/g, "$1…")
    .split("\n")
    .filter((line, index, lines) => !(isArmor(line) && isArmor(lines[index - 1] ?? "")))
    .map((line) => (line.length > columns ? `${line.slice(0, columns)}…` : line))
    .join("\n");
}

function isArmor(line: string): boolean {
  return /^\s*[A-Za-z0-9+/=]{20,}$/.test(line);
}

const folder = mkdtempSync(join(tmpdir(), "sopsmith-quickstart-"));
const keyFile = join(folder, "keys.txt");
// Neither the user's own keys nor their settings take part.
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SOPS_"))),
  HOME: folder,
  XDG_CONFIG_HOME: folder,
  SOPS_AGE_KEY_FILE: keyFile,
};

function sopsmith(...args: string[]): Buffer {
  return execFileSync(process.execPath, [command, ...args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
  });
}

function tryOut(recipient: string): number {
  let differences = 0;
  for (const { name, text } of samples) {
    const plain = Buffer.from(text);
    const file = join(folder, name);
    writeFileSync(file, plain);

    say(`\n── ${name} ${"─".repeat(Math.max(0, 76 - name.length))}`);
    say(typeof text === "string" ? text : `(${plain.length} bytes of binary data)\n`);
    say(`$ sopsmith encrypt --in-place --age ${recipient.slice(0, 12)}… ${name}`);
    sopsmith("encrypt", "--in-place", "--age", recipient, name);
    say(shortened(readFileSync(file, "utf8")));

    const opened = sopsmith("decrypt", name);
    const isSame = opened.equals(plain);
    say(`$ sopsmith decrypt ${name}`);
    say(isSame ? `the same ${plain.length} bytes as before` : `DIFFERENT:\n${opened.toString()}`);
    if (!isSame) differences++;
  }
  return differences;
}

try {
  say("Making a throw-away age key:");
  say("$ sopsmith keygen -o keys.txt");
  sopsmith("keygen", "-o", keyFile);
  const recipient = sopsmith("keygen", "-y", keyFile).toString().trim();
  say(`recipient (may be shown to anyone): ${recipient}`);
  say("\nLong ciphertexts are shortened with … on this screen, not in the files.");

  const differences = tryOut(recipient);
  if (differences > 0) {
    say(`\n${differences} of ${samples.length} files came back different.`);
    process.exitCode = 1;
  } else {
    say(`
All ${samples.length} formats came back byte for byte. What to type next:

  npm pack && npm install -g ./sopsmith-*.tgz   put the command sopsmith on your PATH
  sopsmith keygen --default                     make your own key; prints its recipient, age1…
  sopsmith encrypt -i --age age1… FILE          encrypt a file in place
  sopsmith edit FILE                            open it in your editor, encrypt it again on save
  sopsmith decrypt FILE                         print it
  sopsmith help                                 all commands

The README goes on from here: .sops.yaml, CI, Git diffs, moving over from sops.`);
  }
} catch (error) {
  const stderr = (error as { stderr?: Buffer }).stderr?.toString().trim();
  process.stderr.write(
    `quickstart failed: ${stderr || (error instanceof Error ? error.message : String(error))}\n`,
  );
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
