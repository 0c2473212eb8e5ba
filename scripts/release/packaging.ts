// packaging.ts FOLDER: from the SHA256SUMS of a release's executables in FOLDER, what package managers want to know: the
// formula of a Homebrew tap (sopsmith.rb) and the entry of an aqua registry (aqua.yaml).
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_URI } from "../../src/project-uri.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("name the folder with SHA256SUMS in it");
const { version, description } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"),
) as { version: string; description: string };
const sums = new Map(
  readFileSync(join(folder, "SHA256SUMS"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [sum = "", name = ""] = line.split("  ");
      return [name, sum];
    }),
);

function source(platform: string, indent: string): string {
  const name = `sopsmith-${platform}`;
  const sum = sums.get(name);
  if (sum === undefined) throw new Error(`SHA256SUMS has no ${name}`);
  return `${indent}url "${PROJECT_URI}/releases/download/v${version}/${name}"\n${indent}sha256 "${sum}"`;
}

writeFileSync(
  join(folder, "sopsmith.rb"),
  `class Sopsmith < Formula
  desc "Encrypt the values inside YAML, JSON, ENV and INI files, compatible with SOPS"
  homepage "${PROJECT_URI}"
  version "${version}"
  license "MIT"

  on_macos do
    on_arm do
${source("macos-arm64", "      ")}
    end
    on_intel do
${source("macos-x64", "      ")}
    end
  end
  on_linux do
    on_arm do
${source("linux-arm64", "      ")}
    end
    on_intel do
${source("linux-x64", "      ")}
    end
  end

  def install
    bin.install Dir["sopsmith-*"].first => "sopsmith"
    generate_completions_from_executable(bin/"sopsmith", "completion", shells: [:bash, :zsh, :fish])
  end

  test do
    system bin/"sopsmith", "keygen", "-o", "keys.txt"
    ENV["SOPS_AGE_KEY_FILE"] = testpath/"keys.txt"
    recipient = shell_output("#{bin}/sopsmith keygen -y keys.txt").strip
    (testpath/"a.yaml").write "a: b\\n"
    system bin/"sopsmith", "encrypt", "-i", "--age", recipient, "a.yaml"
    assert_equal "a: b\\n", shell_output("#{bin}/sopsmith decrypt a.yaml")
  end
end
`,
);

writeFileSync(
  join(folder, "aqua.yaml"),
  `packages:
  - type: github_release
    repo_owner: sopsmith
    repo_name: sopsmith
    description: ${description}
    asset: sopsmith-{{.OS}}-{{.Arch}}
    format: raw
    replacements:
      amd64: x64
      darwin: macos
    supported_envs: [linux, darwin, windows/amd64]
    checksum:
      type: github_release
      asset: SHA256SUMS
      algorithm: sha256
`,
);
