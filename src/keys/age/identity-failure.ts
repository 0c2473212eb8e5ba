/**
 * An identity that belongs to a stanza, or that nobody can rule out, and that cannot be used: it ends the attempt for
 * this master key, even if a later identity would have opened it (spec keys 2.7).
 */
export class IdentityFailure extends Error {
  /** What to do about it, without a full stop. */
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}
