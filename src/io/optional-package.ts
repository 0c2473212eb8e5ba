import { SopsmithError } from "../errors.ts";
import { systemCode } from "./system-error.ts";

/** A vendor's package that is optional and not installed. Exit 1. */
export class MissingPackage extends SopsmithError {
  /** What to do, without a full stop, for a message that goes on. */
  readonly remedy: string;

  constructor(name: string, cause: unknown) {
    super("package-missing", 1, `the package ${name} is not installed`, {
      hint: `Install it with npm install ${name}.`,
      cause,
    });
    this.remedy = `install it with npm install ${name}`;
  }
}

/**
 * The result of importing an optional package.
 *
 * @throws {MissingPackage}
 */
export async function optionalPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (systemCode(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new MissingPackage(name, error);
  }
}
