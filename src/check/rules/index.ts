import type { Rule } from "../rule.ts";
import { fileInClear } from "./sm101-unencrypted-file.ts";
import { valueInClear } from "./sm102-unencrypted-value.ts";
import { ciphertextNotSelected } from "./sm103-ciphertext-not-selected.ts";
import { brokenCiphertext } from "./sm104-broken-ciphertext.ts";
import { brokenMetadata } from "./sm105-broken-metadata.ts";
import { conflict } from "./sm106-conflict.ts";
import { nonceReuse } from "./sm107-nonce-reuse.ts";
import { commentInClear } from "./sm108-unencrypted-comment.ts";
import { recipients } from "./sm201-recipients.ts";
import { settings } from "./sm202-settings.ts";
import { fewRecipients } from "./sm203-few-recipients.ts";
import { oldKey } from "./sm204-old-key.ts";
import { configuration } from "./sm205-configuration.ts";
import { privateKey } from "./sm301-private-key.ts";
import { plainTwin } from "./sm302-plain-twin.ts";
import { staleLayout } from "./sm303-stale-layout.ts";
import { kubernetes } from "./sm401-kubernetes.ts";
import { fluxDecryption } from "./sm402-flux-decryption.ts";
import { fluxRecipient } from "./sm403-flux-recipient.ts";

/** The registry of rules, in the order of their numbers. */
export const rules: readonly Rule[] = [
  fileInClear,
  valueInClear,
  ciphertextNotSelected,
  brokenCiphertext,
  brokenMetadata,
  conflict,
  nonceReuse,
  commentInClear,
  recipients,
  settings,
  fewRecipients,
  oldKey,
  configuration,
  privateKey,
  plainTwin,
  staleLayout,
  kubernetes,
  fluxDecryption,
  fluxRecipient,
];
