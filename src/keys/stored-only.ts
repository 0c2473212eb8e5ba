import { SopsmithError } from "../errors.ts";
import { readText } from "../tree/read.ts";
import { keyCodec, text } from "./key-codec.ts";
import { UnwrapError, type KeyProvider } from "./provider.ts";

/**
 * The master key types that this version reads, shows, keeps and writes back, but cannot wrap or unwrap with: their
 * stanzas survive every change to a file that opens through another key.
 */

/** A key of a type that this version cannot wrap with. Exit 1. */
class UnusableKey extends SopsmithError {
  constructor(label: string) {
    super(
      "key-type-unusable",
      1,
      `this version of sopsmith cannot use ${label} keys; use an age recipient instead, or encrypt with Go sops`,
    );
  }
}

export const pgp: KeyProvider = {
  ...keyCodec({
    type: "pgp",
    label: "PGP",
    flag: "pgp",
    env: "SOPS_PGP_FP",
    configField: "pgp",
    groupField: "pgp",
    fields: [text("fp")],
    identify: (fields) => readText(fields, "fp"),
    fromText: (part) => ({ fp: part.replaceAll(" ", "") }),
  }),
  isRemote: false,
  wrap: () => Promise.reject(new UnusableKey("PGP")),
  unwrap: () =>
    Promise.reject(
      new UnwrapError(`this version of sopsmith cannot use PGP keys`, {
        failure: "unusable",
        remedy:
          "open the file with Go sops and add an age recipient to it; this version of sopsmith cannot use its keys",
      }),
    ),
};
