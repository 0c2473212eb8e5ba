import { commitTogether, TogetherFailed, type LeftBehind } from "../io/commit-together.ts";
import { printableLine } from "../io/printable.ts";
import type { StagedFile } from "../io/staged.ts";
import { ChangedMeanwhile } from "../io/write-errors.ts";

/** A change that is ready to be made. */
export interface Change {
  /** The file that it is about, for messages. */
  readonly file: string;
  commit(): Promise<void>;
  /** New content of a file, which `commit` puts in place: then it can be done together with others, or not at all. */
  readonly staged?: StagedFile;
  /** Says that a staged change was made, where `commit` was not called. */
  tell?(): void;
}

/** What a file's work comes to. */
export type Step = "unchanged" | "left alone" | Change;

/** Why the files could not all be changed, and what is not as it was. */
export interface Failure {
  /** The file's number in the order of the call. */
  readonly index: number;
  readonly error: unknown;
  /** A sentence about each file that was changed and could not be changed back: none, as a rule. */
  readonly left: readonly string[];
}

/** So many changes by others in a row are no bad luck any more. */
const ATTEMPTS = 100;

/**
 * Makes all changes or none. A file that another process changed since it was read is prepared again.
 *
 * @param prepareAgain renews the step of one file; false when it could not, which then ends the call
 * @param done what is done to a file: "published"
 * @param tellInterrupted takes the sentences of a {@link Failure} when a signal ends the process in the middle and there are any
 * @returns undefined when all is done, or a file could not be prepared again
 */
export async function changeAllOrNothing(
  steps: (Step | undefined)[],
  prepareAgain: (index: number) => Promise<boolean>,
  done: string,
  tellInterrupted: (left: readonly string[]) => void,
): Promise<Failure | undefined> {
  for (let attempt = 1; ; attempt++) {
    // Uploads and the like have no way back, so they come last, one by one.
    const others: [number, Change][] = [];
    const staged = new Map<StagedFile, number>();
    for (const [index, step] of steps.entries()) {
      if (typeof step !== "object") continue;
      if (step.staged === undefined) others.push([index, step]);
      else staged.set(step.staged, index);
    }
    const finished: Change[] = [];
    let current = 0;
    const sentences = (left: readonly LeftBehind[]) => [
      ...left.map(({ shown, oldIn }) =>
        oldIn === undefined
          ? `${printableLine(shown)} was changed, and its old content is lost`
          : `${printableLine(shown)} has its new content; the old is in ${printableLine(oldIn)}`,
      ),
      ...finished.map(({ file }) => `${printableLine(file)} was ${done}`),
    ];
    const commitOthers = async () => {
      for (const [index, change] of others) {
        current = index;
        await change.commit();
        finished.push(change);
      }
    };
    const tellLeft = (left: readonly LeftBehind[]) => {
      const lines = sentences(left);
      if (lines.length > 0) tellInterrupted(lines);
    };
    try {
      await commitTogether([...staged.keys()], commitOthers, tellLeft);
      for (const index of staged.values()) {
        const step = steps[index];
        if (typeof step === "object") step.tell?.();
      }
      return undefined;
    } catch (error) {
      if (error instanceof ChangedMeanwhile) {
        const [file, index] = [...staged].find(([{ place }]) => place.shown === error.file) ?? [];
        if (file === undefined || index === undefined) throw error;
        if (attempt === ATTEMPTS) return { index, error, left: [] };
        file.discard();
        if (!(await prepareAgain(index))) return undefined;
        continue;
      }
      if (!(error instanceof TogetherFailed)) throw error;
      const index = error.at === undefined ? current : (staged.get(error.at) ?? current);
      return { index, error: error.cause, left: sentences(error.left) };
    }
  }
}

/** Leaves all files as they are. */
export function discardAll(steps: readonly (Step | undefined)[]): void {
  for (const step of steps) if (typeof step === "object") step.staged?.discard();
}
