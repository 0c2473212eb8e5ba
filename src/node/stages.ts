import { basename, dirname } from "node:path";

/** Words for stages in the names of files. */
const STAGE_WORD =
  /(?<=^|[._-])(?:dev|develop|development|local|test|testing|ci|qa|uat|int|integration|stage|staging|preview|preprod|prod|production|live|demo|sandbox)(?=$|[._-])/i;

/**
 * Files that are stages of one configuration: in one folder, with names that differ only in the word for the stage, as `dev.enc.yaml` and
 * `prod.enc.yaml`.
 *
 * @returns every file in exactly one group
 */
export function stagesAmong(files: readonly string[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const name = basename(file);
    // A file without such a word is alone.
    const key = STAGE_WORD.test(name)
      ? JSON.stringify([dirname(file), name.replace(STAGE_WORD, "*")])
      : file;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups.values()];
}
