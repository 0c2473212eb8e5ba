import { loadFormat } from "../../../formats/index.ts";
import { plaintextOf } from "../../crypto/leaf.ts";
import { SopsmithError } from "../../errors.ts";
import { defaultSelector } from "../../metadata/selection.ts";
import { start, type Problem, type Rule } from "../rule.ts";
import { leavesOf, type Subject } from "../subject.ts";

/** A decrypted copy beside an encrypted file. */
export const plainTwin: Rule = {
  id: "SM302",
  name: "plain-twin",
  severity: "warning",
  finds: "a decrypted copy or an editor's backup is beside an encrypted file",
  why: [
    "`secrets.dec.yaml`, `secrets.yaml.dec`, `secrets.yaml~`, `secrets.yaml.bak`, `secrets.yaml.orig` and `.secrets.yaml.swp` beside an encrypted `secrets.yaml`, and `x.yaml` beside `x.enc.yaml`, `x.sops.yaml` or `x.encrypted.yaml`, are one `git add .` away from being published. They are reported if they are unencrypted and either tracked or not ignored.",
    "`x.yaml` is reported only if it has an unencrypted value under a key whose value is encrypted in `x.enc.yaml`. Two files that merely have similar names are not reported.",
  ],
  fix: "Remove the file, or add it to .gitignore; if it was committed, change its secrets at their source.",
  example: {
    language: "text",
    text: "secrets.yaml       encrypted\nsecrets.dec.yaml   unencrypted, not ignored",
  },
  async inTree({ seen, names, read }) {
    const problems: (Problem & { file: string })[] = [];
    for (const { file, isSealed } of seen) {
      if (!isSealed) continue;
      for (const copy of copiesOf(file)) {
        if (!names.has(copy)) continue;
        const found = await read(copy);
        if (found === undefined || isEncrypted(found)) continue;
        problems.push({
          ...start,
          file: copy,
          message: `an unencrypted copy of ${file}`,
        });
      }
      const twin = file.replace(/\.(?:enc|sops|encrypted)(\.[^./]+)$/, "$1");
      if (twin === file || !names.has(twin)) continue;
      const [found, sealed] = [await read(twin), await read(file)];
      if (found !== undefined && !isEncrypted(found) && sealed !== undefined)
        if (await hasSameSecret(found, sealed))
          problems.push({
            ...start,
            file: twin,
            message: `it has unencrypted values that are encrypted in ${file}`,
          });
    }
    return problems;
  },
};

/** Names that decrypting by script, editors and merges give. */
function copiesOf(file: string): string[] {
  const cut = file.lastIndexOf("/") + 1;
  const [folder, name] = [file.slice(0, cut), file.slice(cut)];
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  const bare = stem.replace(/\.(?:enc|sops|encrypted)$/, "");
  return [
    ...["dec", "decrypted"].flatMap((word) => [
      `${stem}.${word}${ending}`,
      ...(bare === stem ? [] : [`${bare}.${word}${ending}`]),
      `${name}.${word}`,
    ]),
    ...["~", ".bak", ".orig", ".rej", ".tmp", ".swp"].map((suffix) => `${name}${suffix}`),
    `.${name}.swp`,
    `#${name}#`,
  ].map((copy) => folder + copy);
}

const isEncrypted = ({ sealed, broken, content }: Subject): boolean =>
  sealed !== undefined || broken !== undefined || Buffer.from(content).includes("ENC[AES256_GCM,");

async function hasSameSecret(plain: Subject, sealed: Subject): Promise<boolean> {
  if (sealed.sealed === undefined || plain.format === "binary") return false;
  const secret = new Set(
    sealed.sealed.leaves.flatMap(({ node, isSelected, aad }) =>
      isSelected && node.kind !== "comment" ? [aad] : [],
    ),
  );
  try {
    const documents = (await loadFormat(plain.format)).parse(plain.content, { sealed: false });
    const { leaves } = await leavesOf(documents, defaultSelector);
    return leaves.some(
      ({ node, aad }) => node.kind !== "comment" && secret.has(aad) && plaintextOf(node).length > 0,
    );
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    return false;
  }
}
