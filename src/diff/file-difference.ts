import type { SealedSubject, Subject } from "../check/subject.ts";
import { keyDifference } from "../update-keys.ts";
import { compareTrees, type TreeDifference } from "./compare.ts";

/** What differs between two versions of one file, at least one of them encrypted. */
export interface FileDifference {
  /** In the later version; in the earlier one for a file that was removed. */
  readonly file: string;
  /** Its former name, where it was moved. */
  readonly movedFrom: string | undefined;
  readonly state: "added" | "removed" | "changed" | "encrypted" | "unencrypted" | "unreadable";
  /** Why it cannot be compared. */
  readonly reason: string | undefined;
  /** Undefined where there are not two versions to compare. */
  readonly tree: TreeDifference | undefined;
  readonly recipients: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** Selection, threshold and other settings: what each was and is. */
  readonly settings: readonly SettingChange[];
}

export interface SettingChange {
  readonly name: string;
  /** "" where it was not set. */
  readonly before: string;
  readonly after: string;
}

const nothing = { tree: undefined, recipients: { added: [], removed: [] }, settings: [] };

/**
 * Compares two versions.
 *
 * @param before undefined where the file was not there
 * @param after undefined where it is not there
 * @returns undefined where nothing that concerns encryption differs
 */
export function compareFiles(
  file: string,
  before: Subject | undefined,
  after: Subject | undefined,
): FileDifference | undefined {
  const movedFrom =
    before !== undefined && after !== undefined && before.file !== file ? before.file : undefined;
  const base = { file, movedFrom, reason: undefined, ...nothing };
  for (const side of [before, after])
    if (side?.broken !== undefined || (side?.conflict.length ?? 0) > 0) {
      const reason =
        side?.broken === undefined
          ? "it has conflict markers"
          : (side.broken.message.split("\n")[0] ?? "");
      return { ...base, state: "unreadable", reason };
    }
  const [old, now] = [before?.sealed, after?.sealed];
  if (old === undefined && now === undefined) return undefined;
  if (old === undefined || now === undefined) {
    const state =
      old === undefined
        ? before === undefined
          ? "added"
          : "encrypted"
        : after === undefined
          ? "removed"
          : "unencrypted";
    const [added, removed] = [idsOf(now), idsOf(old)];
    return { ...base, state, recipients: { added, removed } };
  }
  const tree = compareTrees(old.documents, now.documents);
  const recipients = compareRecipients(old, now);
  const settings = compareSettings(old, now);
  const isSame =
    tree.changes.length === 0 &&
    tree.comments.added + tree.comments.removed === 0 &&
    !tree.isRotated &&
    !tree.isAfresh &&
    recipients.added.length + recipients.removed.length === 0 &&
    settings.length === 0 &&
    movedFrom === undefined;
  return isSame ? undefined : { ...base, state: "changed", tree, recipients, settings };
}

const idsOf = (sealed: SealedSubject | undefined): string[] => [
  ...new Set(sealed?.metadata?.keyGroups.flat().map(({ id }) => id) ?? []),
];

function compareRecipients(old: SealedSubject, now: SealedSubject): FileDifference["recipients"] {
  if (old.metadata === undefined || now.metadata === undefined) return { added: [], removed: [] };
  const { groups } = keyDifference(old.metadata, now.metadata.keyGroups);
  const several = groups.length > 1;
  const named = (ids: readonly string[], index: number): string[] =>
    ids.map((id) => (several ? `${id} (key group ${index + 1})` : id));
  return {
    added: groups.flatMap(({ added }, index) => named(added, index)),
    removed: groups.flatMap(({ removed }, index) => named(removed, index)),
  };
}

function compareSettings(old: SealedSubject, now: SealedSubject): SettingChange[] {
  const [before, after] = [old, now].map(({ metadata, selector }) => ({
    selection: `${selector.name}: ${selector.value}`,
    shamir_threshold:
      metadata === undefined || metadata.shamirThreshold === 0
        ? ""
        : String(metadata.shamirThreshold),
    mac_only_encrypted: metadata?.macOnlyEncrypted === true ? "true" : "",
  }));
  if (before === undefined || after === undefined) return [];
  const names = ["selection", "shamir_threshold", "mac_only_encrypted"] as const;
  return names
    .filter((name) => before[name] !== after[name])
    .map((name) => ({ name, before: before[name], after: after[name] }));
}
