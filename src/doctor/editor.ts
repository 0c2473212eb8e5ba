import { SopsmithError } from "../errors.ts";
import { editorCommand } from "../io/editor.ts";
import { programPath } from "../io/program-path.ts";
import { splitWords } from "../io/words.ts";
import { ranks, type Check } from "./finding.ts";

const NAME = "editor";

/** What `sopsmith edit` opens: whether it is there, and whether it waits. */
export const checkEditor: Check = ({ host }) => Promise.resolve([found(host)]);

function found(host: Parameters<typeof editorCommand>[0]): Awaited<ReturnType<Check>>[number] {
  const variable = ["SOPS_EDITOR", "EDITOR"].find((one) => host.env[one]);
  const rank = ranks.editor;
  let command: readonly string[];
  try {
    command = editorCommand(host);
  } catch (error) {
    if (!(error instanceof SopsmithError)) throw error;
    const { message } = error;
    const todo = error.hint ?? `Fix ${variable ?? "EDITOR"}: it is not a valid command.`;
    // Nobody edits where no editor is installed: a container, a build.
    if (variable === undefined) return { name: NAME, state: "unused", text: message };
    return { name: NAME, state: "problem", text: message, todo, rank };
  }
  const [program = ""] = command;
  if (programPath(program, host) === undefined)
    return {
      name: NAME,
      state: "problem",
      text: `${variable ?? "the editor"} names ${program}, which is not found on PATH`,
      todo: `Set ${variable ?? "EDITOR"} to an editor that is installed: ${program} is not found on PATH.`,
      rank,
    };
  const given = variable === undefined ? command : splitWords(host.env[variable] ?? "");
  const added = command.filter((word) => !given.includes(word));
  if (variable === undefined || added.length === 0)
    return {
      name: NAME,
      state: "ok",
      text: `${command.join(" ")}${variable === undefined ? "" : ` (${variable})`}`,
    };
  const whole = command.join(" ");
  return {
    name: NAME,
    state: "problem",
    text: `${variable} is ${given.join(" ")}, which returns before the file is closed; sopsmith adds ${added.join(" ")}, but other programs do not`,
    todo: `Set ${variable} to "${whole}", so that sops and git wait for the editor too.`,
    rank,
  };
}
