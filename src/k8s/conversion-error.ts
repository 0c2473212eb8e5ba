import { SopsmithError } from "../errors.ts";

/** Where in the input something stands. */
export interface Spot {
  readonly file: string;
  /** From 1; undefined where there is none. */
  readonly line?: number | undefined;
  /** Which document of the file, from 1. */
  readonly document?: number | undefined;
}

/** Something that Terraform or Kubernetes cannot hold or would change. Exit 1; one line `FILE:LINE: document N: TEXT`. */
export class ConversionError extends SopsmithError {
  constructor(message: string, spot?: Spot, cause?: unknown) {
    super("not-convertible", 1, spot === undefined ? message : located(message, spot), {
      cause,
      file: spot?.file,
    });
  }
}

/** The text with its place in front. */
export function located(message: string, { file, line, document }: Spot): string {
  const where = line === undefined || line === 0 ? file : `${file}:${line}`;
  return `${where}: ${document === undefined ? "" : `document ${document}: `}${message}`;
}
