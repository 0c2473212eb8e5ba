// deb.ts --program FILE --arch amd64|arm64 --out FOLDER [--level 0…9]: a Debian package of an executable, with manual pages and completion.
// The same input makes the same bytes: every time in it is SOURCE_DATE_EPOCH, by default that of the last commit.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { PROJECT_URI } from "../../src/project-uri.ts";
import { executableNotices } from "./executable-packages.ts";

const root = join(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    program: { type: "string" },
    arch: { type: "string", default: "amd64" },
    level: { type: "string", default: "6" },
    out: { type: "string", default: join(root, "standalone") },
  },
});
if (values.program === undefined)
  throw new Error("--program is missing: the executable to package");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  description: string;
  author: string;
};
// Debian sorts 0.2.0~beta.1 before 0.2.0; npm spells it 0.2.0-beta.1.
const version = manifest.version.replace("-", "~");
const epoch =
  process.env["SOURCE_DATE_EPOCH"] ??
  execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }).trim();

const folder = mkdtempSync(join(tmpdir(), "sopsmith-deb-"));
try {
  const write = (name: string, content: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
    chmodSync(join(folder, name), mode);
  };
  const program = join(folder, "usr/bin/sopsmith");
  mkdirSync(dirname(program), { recursive: true });
  cpSync(values.program, program);
  chmodSync(program, 0o755);
  for (const page of readdirSync(join(root, "man")))
    write(
      `usr/share/man/man1/${page}.gz`,
      gzipSync(readFileSync(join(root, "man", page)), { level: 9 }),
    );
  // Made by the program that runs here: that of the package may be for another machine.
  const completion = (shell: string) =>
    execFileSync(process.execPath, [join(root, "dist/bin/sopsmith.js"), "completion", shell]);
  write("usr/share/bash-completion/completions/sopsmith", completion("bash"));
  write("usr/share/zsh/vendor-completions/_sopsmith", completion("zsh"));
  write("usr/share/fish/vendor_completions.d/sopsmith.fish", completion("fish"));
  write(
    "usr/share/doc/sopsmith/copyright",
    `${readFileSync(join(root, "LICENSE"), "utf8")}\n${executableNotices()}`,
  );
  write(
    "usr/share/doc/sopsmith/changelog.gz",
    gzipSync(readFileSync(join(root, "CHANGELOG.md")), { level: 9 }),
  );
  const kib = Math.ceil(
    Number(execFileSync("du", ["-sk", folder], { encoding: "utf8" }).split("\t")[0]),
  );
  write(
    "DEBIAN/control",
    `Package: sopsmith
Version: ${version}
Architecture: ${values.arch}
Maintainer: ${manifest.author}
Installed-Size: ${kib}
Depends: libc6 (>= 2.17)
Recommends: ca-certificates
Suggests: age, git, gnupg
Section: utils
Priority: optional
Homepage: ${PROJECT_URI}
Description: encrypt the values inside YAML, JSON, ENV and INI files
 Encrypts, decrypts and edits the values and leaves the keys readable, in the
 exact file format of SOPS: both programs read and write the same files.
`,
  );
  execFileSync("find", [
    folder,
    "-exec",
    "touch",
    "--no-dereference",
    `--date=@${epoch}`,
    "{}",
    "+",
  ]);
  execFileSync("find", [folder, "-type", "d", "-exec", "chmod", "755", "{}", "+"]);
  mkdirSync(values.out, { recursive: true });
  const made = join(values.out, `sopsmith_${version}_${values.arch}.deb`);
  execFileSync(
    "dpkg-deb",
    ["--root-owner-group", "-Zxz", `-z${values.level}`, "--build", folder, made],
    {
      env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  process.stdout.write(`${made}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
