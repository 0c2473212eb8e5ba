import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TarEntry } from "./tar.ts";

/** Architectures of images, in the words of Debian and of OCI, which agree. */
export type Architecture = "amd64" | "arm64";

const loaders = {
  amd64: { folder: "lib/x86_64-linux-gnu", link: "lib64/ld-linux-x86-64.so.2" },
  arm64: { folder: "lib/aarch64-linux-gnu", link: "lib/ld-linux-aarch64.so.1" },
} as const;

/** What the executables are linked with, and what looks up names of machines. */
const libraries = [
  "libc.so.6",
  "libdl.so.2",
  "libm.so.6",
  "libpthread.so.0",
  "libresolv.so.2",
  "libnss_dns.so.2",
  "libnss_files.so.2",
];

/** The part of an image below sopsmith, and the packages that it is from. */
export interface Base {
  readonly entries: readonly TarEntry[];
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

/**
 * A C library, certificates and nothing that could be run, from Debian's packages, whose signatures apt-get checks.
 *
 * @param work a folder of its own
 * @throws when apt-get is missing or cannot fetch them
 */
export function debianBase(architecture: Architecture, work: string): Base {
  const names = ["libc6", "ca-certificates"];
  fetchPackages(names, architecture, work);
  const files = readdirSync(work).filter((name) => name.endsWith(".deb"));
  const tree = join(work, "tree");
  mkdirSync(tree);
  for (const file of files) execFileSync("dpkg-deb", ["--extract", join(work, file), tree]);
  const { folder, link } = loaders[architecture];
  const loader = link.slice(link.lastIndexOf("/") + 1);
  const copy = (path: string, mode = 0o644): TarEntry => ({
    path,
    kind: "file",
    mode,
    content: readFileSync(join(tree, path)),
  });
  const file = (path: string, content: string | Uint8Array): TarEntry => ({
    path,
    kind: "file",
    mode: 0o644,
    content: Buffer.from(content),
  });
  const certificates = join(tree, "usr/share/ca-certificates/mozilla");
  const bundle = readdirSync(certificates)
    .toSorted()
    .map((name) => readFileSync(join(certificates, name), "utf8").trimEnd());
  const links: TarEntry[] =
    architecture === "amd64"
      ? [
          { path: "lib64", kind: "folder", mode: 0o755 },
          { path: link, kind: "symlink", to: `/${folder}/${loader}` },
        ]
      : [{ path: link, kind: "symlink", to: `/${folder}/${loader}` }];
  const folders = ["lib", folder, "etc", "etc/ssl", "etc/ssl/certs", "usr", "usr/share"];
  const notices = ["usr/share/doc", ...names.map((name) => `usr/share/doc/${name}`)];
  rmSync(join(work, "lists"), { recursive: true, force: true });
  return {
    entries: [
      ...[...folders, ...notices].map((path): TarEntry => ({ path, kind: "folder", mode: 0o755 })),
      { path: "tmp", kind: "folder", mode: 0o1777 },
      copy(`${folder}/${loader}`, 0o755),
      ...libraries.map((name) => copy(`${folder}/${name}`, 0o755)),
      ...links,
      file("etc/ssl/certs/ca-certificates.crt", `${bundle.join("\n")}\n`),
      file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
      file("etc/passwd", "root:x:0:0::/:/none\nsopsmith:x:65532:65532::/tmp:/none\n"),
      file("etc/group", "root:x:0:\nsopsmith:x:65532:\n"),
      ...names.map((name) => copy(`usr/share/doc/${name}/copyright`)),
    ],
    packages: files.map((name) => {
      const [packageName = "", version = ""] = name.split("_");
      return { name: packageName, version: decodeURIComponent(version) };
    }),
  };
}

/** Fetches packages of another architecture as well, and leaves the system's own apt alone. */
function fetchPackages(names: readonly string[], architecture: Architecture, work: string): void {
  mkdirSync(join(work, "lists/partial"), { recursive: true });
  mkdirSync(join(work, "cache/archives/partial"), { recursive: true });
  const config = join(work, "apt.conf");
  writeFileSync(
    config,
    `Dir::State::Lists "${work}/lists";
Dir::State::status "/dev/null";
Dir::Cache "${work}/cache";
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Sandbox::User "root";
`,
  );
  const options = {
    cwd: work,
    env: { ...process.env, APT_CONFIG: config },
    stdio: ["ignore", "pipe", "pipe"] satisfies ["ignore", "pipe", "pipe"],
  };
  execFileSync("apt-get", ["--quiet=2", "update"], options);
  execFileSync("apt-get", ["--quiet=2", "download", ...names], options);
}
