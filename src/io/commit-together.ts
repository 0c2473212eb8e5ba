import { onProcessEnd } from "./cleanup.ts";
import { startGuard, type Guard } from "./guard.ts";
import { Passing, Rewriting, type StagedFile } from "./staged.ts";
import { ChangedMeanwhile } from "./write-errors.ts";

/** A file that has its new content although others could not get theirs. */
export interface LeftBehind {
  /** As messages name it. */
  readonly shown: string;
  /** Where the old content is; undefined where that is nowhere. */
  readonly oldIn: string | undefined;
}

/** The change of several files failed at one of them. */
export class TogetherFailed extends Error {
  /** The file at which it failed; undefined for `last`. */
  readonly at: StagedFile | undefined;
  /** What could not be taken back: nothing, as a rule. */
  readonly left: readonly LeftBehind[];

  constructor(at: StagedFile | undefined, left: readonly LeftBehind[], cause: unknown) {
    super("several files could not be changed together", { cause });
    this.at = at;
    this.left = left;
  }
}

/**
 * Changes several files, or none: what can be checked is checked first, old content is kept until all is done, and a
 * failure at one file takes back the change of all others. A signal in the middle does too; where this process is killed, its
 * guard does it.
 *
 * @param last what is to succeed as well; it cannot be taken back, so it comes after all files
 * @param tellLeft is called when a signal ends the process in the middle, with what could not be taken back; synchronous
 * @throws {ChangedMeanwhile} before anything was changed; the files are still staged
 * @throws {TogetherFailed} for any other failure; nothing is staged any more
 */
export async function commitTogether(
  files: readonly StagedFile[],
  last: () => Promise<void>,
  tellLeft: (left: readonly LeftBehind[]) => void = () => {},
): Promise<void> {
  // One order for all, so that two such calls do not wait for each other.
  const byPath = files.toSorted((a, b) => (a.place.path < b.place.path ? -1 : 1));
  let guard: Guard | undefined;
  const forget = onProcessEnd(() => {
    guard?.dismiss();
    tellLeft(takeBack(byPath));
  });
  let at: StagedFile | undefined;
  let isUntouched = true;
  try {
    for (at of byPath) await at.claim();
    for (at of byPath) at.verify();
    isUntouched = false;
    for (at of byPath) at.keepOld();
    guard = await startGuard(byPath.flatMap((file) => file.guarded() ?? []));
    // What cannot be taken back so well comes later.
    for (at of byPath.toSorted((a, b) => rank(a) - rank(b))) await at.put();
    at = undefined;
    await last();
    await guard?.allDone();
  } catch (error) {
    if (isUntouched && error instanceof ChangedMeanwhile) {
      forget();
      for (const file of byPath) file.release();
      throw error;
    }
    guard?.dismiss();
    const left = takeBack(byPath);
    forget();
    for (const file of byPath) file.discard();
    throw new TogetherFailed(at, left, error);
  }
  forget();
  for (const file of byPath) await file.finish();
}

function rank(file: StagedFile): number {
  if (file instanceof Passing) return 2;
  return file instanceof Rewriting ? 1 : 0;
}

function takeBack(files: readonly StagedFile[]): LeftBehind[] {
  const left: LeftBehind[] = [];
  for (const file of files) {
    try {
      file.undo();
    } catch {
      left.push({ shown: file.place.shown, oldIn: file.leaveOld() });
    }
  }
  return left;
}
