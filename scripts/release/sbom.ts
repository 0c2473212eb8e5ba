// sbom.ts: prints the software bill of materials of a release in CycloneDX 1.6, from package-lock.json: every package that
// the command and the library use or that is bundled into them, such as the clouds' clients in the executables, and the
// runtimes of those. The same lock file and sources give the same text.
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { PROJECT_URI } from "../../src/project-uri.ts";
import { executablePackages } from "./executable-packages.ts";
import { targets } from "./targets.ts";

interface Locked {
  version: string;
  integrity: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const root = join(import.meta.dirname, "../..");
const lockText = readFileSync(join(root, "package-lock.json"), "utf8");
const { packages } = JSON.parse(lockText) as { packages: Record<string, Locked> };
const { version, description, license } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
) as { version: string; description: string; license: string };

const nameOf = (path: string) => path.slice(path.lastIndexOf("node_modules/") + 13);
const purl = (name: string, of: string) => `pkg:npm/${name.replace("@", "%40")}@${of}`;
/** The runtimes are packages for development, of which the executables hold one each. */
const runtimes = new Set<string>(
  Object.values(targets).map(({ runtime }) => `node_modules/${runtime}`),
);

/** What is bundled, by its path in the lock file; for npm it is a package for development. */
const modules = realpathSync(join(root, "node_modules"));
const bundled = new Set(
  executablePackages().map(({ folder }) =>
    join("node_modules", relative(modules, folder)).replaceAll("\\", "/"),
  ),
);

/** Where Node.js would find a package that the one at `path` asks for. */
function resolve(path: string, name: string): string | undefined {
  for (
    let folder = path;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))
  ) {
    const found = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (found in packages) return found;
    if (folder === "") return undefined;
  }
}

/** Two copies of one version are one component. */
const shipped = new Map<string, [path: string, locked: Locked]>();
for (const [path, locked] of Object.entries(packages))
  if (path !== "" && (locked.dev !== true || bundled.has(path) || runtimes.has(path)))
    shipped.set(purl(nameOf(path), locked.version), [path, locked]);

function needs(
  path: string,
  { dependencies, optionalDependencies, devDependencies }: Locked,
): string[] {
  const all = { ...dependencies, ...optionalDependencies, ...devDependencies };
  const found = Object.keys(all).flatMap((name) => {
    const at = resolve(path, name);
    const locked = at === undefined ? undefined : packages[at];
    return locked === undefined ? [] : [purl(name, locked.version)];
  });
  return [...new Set(found)].filter((ref) => shipped.has(ref)).toSorted();
}

const self = purl("sopsmith", version);
const graph = new Map([...shipped].map(([ref, [path, locked]]) => [ref, needs(path, locked)]));
graph.set(self, needs("", packages[""] as Locked));
const reached = new Set([self]);
for (const ref of reached) for (const next of graph.get(ref) ?? []) reached.add(next);
/** Bundled because a package looks for it without saying so in its package.json. */
const unnamed = [...shipped].flatMap(([ref, [path]]) =>
  reached.has(ref) || runtimes.has(path) ? [] : [ref],
);
const digest = createHash("sha256").update(version).update(lockText).digest("hex");
const bom = {
  $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
  version: 1,
  metadata: {
    component: {
      "bom-ref": self,
      type: "application",
      name: "sopsmith",
      version,
      description,
      purl: self,
      licenses: [{ license: { id: license } }],
      externalReferences: [{ type: "vcs", url: PROJECT_URI }],
    },
  },
  components: [...shipped].map(([ref, [path, locked]]) => ({
    "bom-ref": ref,
    type: runtimes.has(path) ? "platform" : "library",
    name: nameOf(path),
    version: locked.version,
    scope: runtimes.has(path) ? "optional" : "required",
    purl: ref,
    hashes: [
      {
        alg: "SHA-512",
        content: Buffer.from(locked.integrity.replace("sha512-", ""), "base64").toString("hex"),
      },
    ],
    ...(locked.license === undefined ? {} : { licenses: [{ expression: locked.license }] }),
  })),
  dependencies: [
    { ref: self, dependsOn: [...(graph.get(self) ?? []), ...unnamed] },
    ...[...shipped.keys()].map((ref) => ({ ref, dependsOn: graph.get(ref) ?? [] })),
  ],
};
process.stdout.write(`${JSON.stringify(bom, null, 2)}\n`);
