import type { Check } from "./finding.ts";
import { checkAgeKeys } from "./age-keys.ts";
import { checkClouds } from "./clouds.ts";
import { checkConfig } from "./config.ts";
import { checkEditor } from "./editor.ts";
import { checkFile } from "./file.ts";
import { checkGit } from "./git.ts";
import { checkGpg } from "./gpg.ts";
import { checkPlugins } from "./plugins.ts";
import { checkProgram } from "./program.ts";
import { checkRescues } from "./rescues.ts";
import { checkVariables } from "./variables.ts";

/** The registry of checks, in the order of the table. */
export const checks: readonly Check[] = [
  checkFile,
  checkProgram,
  checkConfig,
  checkVariables,
  checkAgeKeys,
  checkPlugins,
  checkGpg,
  checkClouds,
  checkGit,
  checkEditor,
  checkRescues,
];
