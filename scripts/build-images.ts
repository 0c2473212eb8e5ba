// build-images.ts [--program TARGET=FILE]… [--out FOLDER]: images of the command and of the operator for amd64 and arm64, made
// of the executables in standalone/ without a container daemon, as an OCI image layout (standalone/images). Each has a
// software bill of materials. --program takes an executable from elsewhere, and then only the targets that are named.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { PROJECT_URI } from "../src/project-uri.ts";
import { debianBase, type Architecture, type Base } from "./images/base.ts";
import { Layout, mediaTypes, sha256, type Descriptor } from "./images/layout.ts";
import { tar, type TarEntry } from "./images/tar.ts";
import { executableNotices } from "./release/executable-packages.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    program: { type: "string", multiple: true },
    out: { type: "string", default: join(root, "standalone/images") },
  },
});
const architectures: Readonly<Record<string, Architecture>> = {
  "linux-x64": "amd64",
  "linux-arm64": "arm64",
};
const { version, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  description: string;
};
const epoch = Number(
  process.env["SOURCE_DATE_EPOCH"] ??
    execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }),
);
const created = new Date(epoch * 1000).toISOString();

/** What differs between the images; they share their layers. */
const images = {
  command: { entrypoint: ["/usr/local/bin/sopsmith"], folder: "/work" },
  operator: { entrypoint: ["/usr/local/bin/sopsmith", "operator"], folder: "/" },
} as const;

const annotations = {
  "org.opencontainers.image.title": "sopsmith",
  "org.opencontainers.image.description": description,
  "org.opencontainers.image.version": version,
  "org.opencontainers.image.source": PROJECT_URI,
  "org.opencontainers.image.licenses": "MIT",
  "org.opencontainers.image.created": created,
};

interface Program {
  readonly architecture: Architecture;
  readonly file: string;
}

function programs(): Program[] {
  const named = values.program ?? Object.keys(architectures).map((target) => `${target}=`);
  return named.map((text) => {
    const [target = "", given = ""] = text.split("=");
    const architecture = architectures[target];
    if (architecture === undefined)
      throw new Error(
        `unknown target ${target}; there are: ${Object.keys(architectures).join(", ")}`,
      );
    const file = given === "" ? join(root, `standalone/sopsmith-${target}`) : given;
    if (!existsSync(file))
      throw new Error(`${file} is missing: npm run build:standalone -- --target ${target}`);
    return { architecture, file };
  });
}

/** The executable under the names of the programs that it takes the place of, which it acts as. */
function programEntries(file: string): TarEntry[] {
  const folder = (path: string): TarEntry => ({ path, kind: "folder", mode: 0o755 });
  const program = "usr/local/bin/sopsmith";
  const notices = "usr/share/doc/sopsmith";
  const license = `${readFileSync(join(root, "LICENSE"), "utf8")}\n${executableNotices()}`;
  return [
    ...["usr", "usr/local", "usr/local/bin", "usr/share", "usr/share/doc", notices, "work"].map(
      folder,
    ),
    { path: `${notices}/copyright`, kind: "file", mode: 0o644, content: Buffer.from(license) },
    { path: program, kind: "file", mode: 0o555, content: readFileSync(file) },
    { path: "usr/local/bin/ksops", kind: "hardlink", to: program },
    { path: "usr/local/bin/manager", kind: "hardlink", to: program },
  ];
}

interface Layer {
  readonly descriptor: Descriptor;
  /** Of the archive before it was compressed. */
  readonly diffId: string;
}

function putLayer(layout: Layout, entries: readonly TarEntry[]): Layer {
  const archive = tar(entries, epoch);
  const descriptor = layout.put(mediaTypes.layer, gzipSync(archive, { level: 6 }));
  return { descriptor, diffId: sha256(archive) };
}

/** The release's own bill with the packages of the base. */
function billOfMaterials(base: Base): object {
  const text = execFileSync(process.execPath, [join(root, "scripts/release/sbom.ts")], {
    encoding: "utf8",
  });
  const bom = JSON.parse(text) as { components: object[] };
  const packages = base.packages.map(({ name, version: of }) => {
    const purl = `pkg:deb/debian/${name}@${of}`;
    return { "bom-ref": purl, type: "library", name, version: of, scope: "required", purl };
  });
  return { ...bom, components: [...bom.components, ...packages] };
}

const sbomType = "application/vnd.cyclonedx+json";
const names = Object.keys(images) as (keyof typeof images)[];
const chosen = programs();
const work = mkdtempSync(join(tmpdir(), "sopsmith-images-"));
try {
  const folder = join(work, "layout");
  const layout = new Layout(folder);
  const found: Record<keyof typeof images, Descriptor[]> = { command: [], operator: [] };
  const empty = layout.putJson(mediaTypes.empty, {});
  for (const { architecture, file } of chosen) {
    const base = debianBase(architecture, mkdtempSync(join(work, `${architecture}-`)));
    const layers = [putLayer(layout, base.entries), putLayer(layout, programEntries(file))];
    const sbom = layout.putJson(sbomType, billOfMaterials(base));
    for (const name of names) {
      const { entrypoint, folder: workingDir } = images[name];
      const config = layout.putJson(mediaTypes.config, {
        created,
        architecture,
        os: "linux",
        config: {
          User: "65532:65532",
          Env: ["PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
          Entrypoint: entrypoint,
          WorkingDir: workingDir,
          Labels: annotations,
        },
        rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
        history: ["a C library and certificates of Debian", "sopsmith"].map((comment) => ({
          created,
          comment,
        })),
      });
      const manifest = layout.putJson(mediaTypes.manifest, {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config,
        layers: layers.map(({ descriptor }) => descriptor),
        annotations,
      });
      const bill = layout.putJson(mediaTypes.manifest, {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType: sbomType,
        config: empty,
        layers: [sbom],
        subject: manifest,
      });
      found[name].push(
        { ...manifest, platform: { os: "linux", architecture } },
        { ...bill, artifactType: sbomType, platform: { os: "unknown", architecture: "unknown" } },
      );
    }
  }
  layout.finish(
    names.map((name) => ({
      name,
      index: layout.putJson(mediaTypes.index, {
        schemaVersion: 2,
        mediaType: mediaTypes.index,
        manifests: found[name],
        annotations,
      }),
    })),
  );
  rmSync(values.out, { recursive: true, force: true });
  try {
    renameSync(folder, values.out);
  } catch {
    // Another file system.
    execFileSync("cp", ["-R", folder, values.out]);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.stdout.write(
  `${values.out}: ${names.join(", ")} for ${chosen.map(({ architecture }) => architecture).join(", ")}\n`,
);
