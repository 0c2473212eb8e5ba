import { SopsmithError } from "../errors.ts";

/** Something wrong in a function's configuration or in a resource. Exit 1. */
export class KrmError extends SopsmithError {
  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super("krm", 1, message, options);
  }
}
