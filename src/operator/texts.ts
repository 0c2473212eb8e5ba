/** The texts of `status.message`, which the reference operator's users look for (spec kubernetes 3.1). */
export const statusTexts = {
  healthy: "Healthy",
  suspended: "Reconciliation is suspended",
  decryption: "Decryption error",
  creation: "New child secret creation error",
  ownerReference: "Setting controller ownership of the child secret error",
  unknown: "Unknown Error",
  notOwned: "Child secret is not owned by controller error",
  update: "Child secret update error",
} as const;

export type StatusText = (typeof statusTexts)[keyof typeof statusTexts];

/** Why an object is not ready (spec kubernetes 4.7). */
export type ReadyReason =
  | "KeyUnavailable"
  | "DecryptFailed"
  | "MacNotVerified"
  | "ScopeMismatch"
  | "TemplateInvalid"
  | "OwnershipConflict"
  | "ImmutableField"
  | "WriteFailed"
  | "InvalidSpec";

/** One thing that is wrong; the message says what and what to do, and never holds a value. */
export interface Problem {
  readonly reason: ReadyReason;
  readonly message: string;
  readonly text: StatusText;
  /** A person is needed: time alone does not fix it. */
  readonly isStalled: boolean;
  /** Nor does trying again soon, though a key may come any moment: then all is looked at at once. */
  readonly waits?: boolean;
}

/** One line that fits into a condition. */
export function shortened(message: string, limit = 1000): string {
  const line = message.replaceAll(/\s+/g, " ").trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}
