// The terminal sessions that the documentation shows, and how they are recorded: every line comes from a real run.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrapped, parseAnsi, type Span } from "./ansi.ts";

export interface Session {
  /** The picture's file name without its ending. */
  readonly name: string;
  readonly title: string;
  /** Shell commands before the first one that is shown. */
  readonly before: string;
  /** What is typed; every command must succeed, unless its line ends in `|| true`, which is not shown. */
  readonly commands: readonly string[];
}

export const columns = 84;

const member = "RECIPIENT=$(sopsmith keygen --default)";
const repository = `${member}
git init --quiet --initial-branch=main shop && cd shop
printf 'creation_rules:\\n  - path_regex: secret\\n    age: %s\\n' "$RECIPIENT" > .sops.yaml`;

export const sessions: readonly Session[] = [
  {
    name: "layout",
    title: "encrypt a file, and get the same bytes back",
    before: `${member}
printf 'creation_rules:\\n  - age: %s\\n' "$RECIPIENT" > .sops.yaml
cat > db.yaml <<'END'
# who may log in
user: 'shop'      # not root
password: "correct horse"

ports: [5432, 0x1F90]
END
cp db.yaml before.yaml`,
    commands: [
      "cat db.yaml",
      "sopsmith encrypt -i db.yaml",
      "head -5 db.yaml",
      "sopsmith decrypt db.yaml | cmp - before.yaml && echo 'the same bytes'",
    ],
  },
  {
    name: "merge",
    title: "two branches change one encrypted file",
    before: `${repository}
printf 'user: shop\\npassword: one\\n' > db.secret.yaml
sopsmith encrypt -i db.secret.yaml
git add . && git commit --quiet -m 'Add secrets'
git checkout --quiet -b rotate
sopsmith set --dotted --string db.secret.yaml password two
git commit --quiet -am 'Change the password'
git checkout --quiet main
sopsmith set --dotted --string db.secret.yaml user till
git commit --quiet -am 'Rename the user'`,
    commands: [
      "sopsmith git install 2>/dev/null",
      "git merge --no-edit --no-stat rotate",
      "git diff --color HEAD~2 -- db.secret.yaml | tail -n 4",
    ],
  },
  {
    name: "check",
    title: "find what is wrong, without a key",
    before: `${repository}
printf 'token: s3cret\\n' > app.secret.yaml
printf 'user: shop\\npassword: one\\n' > db.secret.yaml
sopsmith encrypt -i db.secret.yaml
cp ~/.config/sops/age/keys.txt .
git add . && git commit --quiet -m 'Add secrets'
mv ~/.config/sops/age/keys.txt ~/away`,
    commands: [
      "sopsmith check || true",
      "sopsmith encrypt -i app.secret.yaml",
      "git rm --quiet --cached keys.txt && mv keys.txt ~",
      "sopsmith check",
    ],
  },
];

/**
 * Runs a session in a folder of its own, with the built command on PATH.
 *
 * @param program words of shell that start the command
 * @throws {Error} where a command fails
 */
export function record(session: Session, program: string): Span[][] {
  const folder = mkdtempSync(join(tmpdir(), "sopsmith-session-"));
  try {
    for (const name of ["bin", "home", "work"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "bin/sopsmith"), `#!/bin/sh\nexec ${program} "$@"\n`);
    chmodSync(join(folder, "bin/sopsmith"), 0o755);
    writeFileSync(
      join(folder, "home/.gitconfig"),
      "[user]\n\tname = You\n\temail = you@example.com\n",
    );
    const mark = "\u0001";
    // What a command prints on both streams comes after its mark, as on a screen.
    const script = [
      `{ ${session.before}\n} >/dev/null 2>&1`,
      ...session.commands.map((command) => `printf '${mark}'\n{ ${command}\n} 2>&1`),
    ].join("\n");
    const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", script], {
      cwd: join(folder, "work"),
      encoding: "utf8",
      env: {
        PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
        HOME: join(folder, "home"),
        GIT_CONFIG_NOSYSTEM: "1",
        LC_ALL: "C.UTF-8",
        COLUMNS: String(columns),
      },
    });
    if (status !== 0)
      throw new Error(
        `the session ${session.name} ended with status ${status}: ${stdout}${stderr}`,
      );
    const outputs = stdout.replaceAll(folder, "").split(mark).slice(1);
    return session.commands.flatMap((command, i) => [
      [
        { text: "$ ", style: "green" as const },
        {
          text: command.replace(/ \|\| true$/, "").replace(" 2>/dev/null", ""),
          style: "bold" as const,
        },
      ],
      ...parseAnsi(highlighted((outputs[i] ?? "").trimEnd()))
        .filter((spans, _, all) => all.length > 1 || spans.length > 0)
        .flatMap((spans) => wrapped(spans, columns)),
      ...(i + 1 < session.commands.length ? [[]] : []),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ciphertexts shortened and in colour: the only thing that is not as it was printed. */
function highlighted(text: string): string {
  return text.replaceAll(
    /(#?)ENC\[AES256_GCM,data:([^,]{1,4}).*?(?:\]|\\x5D)/g,
    "\u001b[36m$1ENC[AES256_GCM,data:$2…]\u001b[0m",
  );
}
