import { isUtf8 } from "node:buffer";
import { json } from "../../formats/json.ts";
import { ini } from "../../formats/ini.ts";
import { yaml } from "../../formats/yaml.ts";
import type { FormatName } from "../../formats/format.ts";
import { compareDocuments } from "../../src/tree/compare.ts";
import type { Documents, Item, Node, Sequence } from "../../src/tree/node.ts";
import type { Context } from "./compare.ts";
import type { Settings } from "./sides.ts";

/** One difference from sops 3.13.3 that is meant to be (spec file-format). The name begins with the section. */
export interface Departure {
  name: string;
  formats: readonly FormatName[];
  /** Whether the document, and the exit statuses where they differ, are of the kind the departure is about. */
  applies(context: Context): boolean;
  /** Seen in one of several thousand documents. */
  rare?: true;
  /**
   * Brings the two outputs (as Latin-1 text, which keeps bytes) to a common form, line by line or value by value.
   * Without it the departure is about exit statuses.
   */
  rewrite?(wanted: string, got: string, context: Context): [wanted: string, got: string];
}

// ---- what documents hold ----------------------------------------------------

function* nodes(documents: Documents): Generator<Node | Item> {
  const open: (Node | Item)[] = [...documents].reverse();
  for (let node = open.pop(); node; node = open.pop()) {
    yield node;
    if (node.kind === "entry") open.push(node.value);
    else if (node.kind === "map" || node.kind === "seq") open.push(...[...node.items].reverse());
  }
}

function yamlDocuments(source: Uint8Array): Documents {
  try {
    return yaml.parse(source, { sealed: false });
  } catch {
    return [];
  }
}

/** Keys and scalars in order, with types; comments, nesting and empty texts (D16) left out. */
function values(source: Uint8Array): string {
  const out: string[] = [];
  for (const node of nodes(yamlDocuments(source))) {
    if (node.kind === "entry") out.push(`key ${JSON.stringify(node.key)}`);
    else if (node.kind !== "comment" && node.kind !== "map" && node.kind !== "seq") {
      if (node.kind === "str" && node.value === "") continue;
      // Floats that print like ints come back as ints.
      const kind = node.kind === "float" ? "int" : node.kind;
      out.push(
        `${kind} ${node.kind === "null" ? "" : node.kind === "bytes" ? Buffer.from(node.value).toString("hex") : String(node.value)}`,
      );
    }
  }
  return out.join("\n");
}

/** Does what sopsmith printed hold the values of the source? Of what sops printed nothing is asked. */
const keepsValues = ({ check, source, got }: Context): boolean =>
  got.exit === 0 && (check === "sopsmith → sops" || values(source) === values(got.out));

/** Does a mapping or list of the document, with its items, do so? */
const holdsItems = (
  source: Uint8Array,
  is: (items: readonly (Node | Item)[]) => boolean,
): boolean =>
  nodes(yamlDocuments(source)).some(
    (node) => (node.kind === "map" || node.kind === "seq") && is(node.items),
  );

/**
 * The lines that are no comments, and the comments in sorted order; both without what a bare `#` in a list becomes (D16).
 */
function commentsApart(text: string): { lines: string[]; comments: string[] } {
  // sops prints `- #comment` where an inline comment goes in front of a nested list.
  const all = text
    .replaceAll(/^ *- (?=#)/gm, "")
    .split("\n")
    .filter((line) => !/^ *(- ""|)$/.test(line));
  const lines: string[] = [];
  const comments: string[] = [];
  for (const line of all) {
    const [, value = "", comment] = /^(.*?)(?:(?<=^ *|[^ ] )(#.*))?$/.exec(line) ?? [];
    if (value.trim() !== "") lines.push(value.trimEnd());
    if (comment !== undefined) comments.push(comment);
  }
  return {
    lines,
    comments: comments.filter((line) => line !== "#").sort(),
  };
}

/** How many comments stand before the first scalar of a list that begins with a collection; 0 for other lists. */
function leadingComments(list: Sequence): number {
  let count = 0;
  for (let items: readonly (Node | Item)[] | undefined = list.items; items;) {
    const at = items.findIndex((item) => item.kind !== "comment");
    const first: Node | Item | undefined = items[at];
    count += Math.max(at, 0);
    items = first?.kind === "map" || first?.kind === "seq" ? first.items : undefined;
  }
  return count;
}

/** Those elements of `wanted` that `got` has too, each as often as there. */
function shared(wanted: readonly string[], got: readonly string[]): string[] {
  const left = [...got];
  return wanted.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Do two INI texts hold the same keys and values? */
function isSameIni(one: Uint8Array, other: Uint8Array): boolean {
  const [a, b] = [one, other].map((text) => ini.parse(text, { sealed: false }));
  const isSame = (x: Node, y: Node): boolean =>
    "value" in x && "value" in y && String(x.value) === String(y.value);
  return compareDocuments(a ?? [], b ?? [], isSame).difference === undefined;
}

const holdsBareComment = (source: Uint8Array): boolean =>
  nodes(yamlDocuments(source)).some(
    (node) =>
      node.kind === "seq" &&
      node.items.some((item) => item.kind === "comment" && item.value === ""),
  );

const holdsText = (source: Uint8Array, is: (text: string) => boolean): boolean =>
  nodes(yamlDocuments(source)).some((node) => node.kind === "str" && is(node.value));

const startsWithTab = (text: string): boolean => /^\t[^]*\n/.test(text);
const needsDigit = (text: string): boolean =>
  text.includes("\n") && /^[ \n\u0085\u2028\u2029]/.test(text);

/** Every pair of lines put through `one`. Outputs of different length stay as they are. */
function linewise(
  wanted: string,
  got: string,
  one: (wanted: string, got: string) => string | undefined,
): [string, string] {
  const left = wanted.split("\n");
  const right = got.split("\n");
  if (left.length !== right.length) return [wanted, got];
  for (const [i, line] of left.entries()) {
    const same = one(line, right[i] ?? "");
    if (same !== undefined) left[i] = right[i] = same;
  }
  return [left.join("\n"), right.join("\n")];
}

/** JSON tokens that are strings or numbers. */
const jsonTokens = /"(?:[^"\\]|\\[^])*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

const jsonTokensOf = (text: string): string[] => text.match(jsonTokens) ?? [];

const isMinusZero = (token: string): boolean => /^-0(?:\.0+)?(?:[eE].*)?$/.test(token);

/** Where the first JSON object of a text ends; undefined when it does not. */
function objectEnd(text: string): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\[^])*"|[[\]{}]/g)) {
    if (token === "{" || token === "[") depth++;
    else if ((token === "}" || token === "]") && --depth === 0) return index + 1;
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    json.parse(Buffer.from(text), { sealed: false });
    return true;
  } catch {
    return false;
  }
}

const isCiphertextComment = /^( *)#ENC\[AES256_GCM,data:[^ ]*,type:comment\]$/;

/** Does a list in a list begin with a comment at the end of a line? */
const holdsNestedInline = (source: Uint8Array): boolean =>
  nodes(yamlDocuments(source)).some(
    (node) =>
      node.kind === "seq" &&
      node.items.some((item) => item.kind === "seq" && leadingComments(item) > 0),
  );

/** Do comments say what is encrypted? */
const isSteered = ({ selector }: Settings): boolean => selector?.name.includes("comment") ?? false;

/** sops takes what it cannot read back or has lost; sopsmith refuses. */
const isRefusedBySopsmith = ({ check, wanted, got }: Context, exit: number): boolean =>
  check === "encrypt" && wanted.exit === 0 && got.exit === exit;

// Applied in this order: those that move comments come before those that compare line by line.
export const departures: readonly Departure[] = [
  {
    name: "12 sops cannot read back the -0.0 that it leaves unencrypted",
    formats: ["json", "yaml"],
    applies: (context) =>
      context.wanted.exit === 51 &&
      /-0*\.?0/.test(context.text) &&
      (context.format === "json" ? context.got.exit === 0 : keepsValues(context)),
  },
  {
    name: "12 sops reads back the -0.0 that it leaves unencrypted as 0",
    formats: ["json"],
    applies: ({ text }) => jsonTokensOf(text).some(isMinusZero),
    rewrite: (wanted, got) =>
      linewise(wanted, got, (left, right) =>
        left.replace(/ 0(?=,?$)/, " -0") === right ? right : undefined,
      ),
  },
  {
    name: "10 D4: sops takes a JSON text that ends too early",
    formats: ["json"],
    applies: (context) => isRefusedBySopsmith(context, 2) && objectEnd(context.text) === undefined,
  },
  {
    name: "10 D15: sops drops text behind the first JSON value",
    formats: ["json"],
    applies: (context) => {
      const end = objectEnd(context.text);
      return (
        isRefusedBySopsmith(context, 2) &&
        end !== undefined &&
        isJson(context.text.slice(0, end)) &&
        context.text.slice(end).trim() !== ""
      );
    },
  },
  {
    name: "10 D18: sops replaces bytes that are not UTF-8",
    formats: ["json"],
    applies: (context) => isRefusedBySopsmith(context, 2) && !isUtf8(context.source),
  },
  {
    name: "10 D7: sops writes INI that does not read back as what it was",
    formats: ["ini"],
    applies: (context) =>
      isRefusedBySopsmith(context, 4) &&
      (/^\s*(-\s*[=:]|[`"]+\s*[#;[])/m.test(context.text) ||
        (context.text.includes("\\") && context.got.said.includes("could read this back"))),
  },
  {
    name: "10 D7: sops writes INI values left unencrypted that do not read back",
    formats: ["ini"],
    applies: ({ wanted, got, source, check }) =>
      [1, 25, 51].includes(wanted.exit) &&
      got.exit === 0 &&
      (check === "sopsmith → sops" || isSameIni(source, got.out)),
  },
  {
    name: "10 D7: sops prints INI values that do not read back, sopsmith puts them in quotes",
    formats: ["ini"],
    applies: ({ source, check, got }) => check === "sopsmith → sops" || isSameIni(source, got.out),
    rewrite: (wanted, got) =>
      linewise(wanted, got, (left, right) => {
        const [, key, , value] = /^(.*? = )(`|""")(.*)\2$/.exec(right) ?? [];
        return key !== undefined && left === `${key}${value ?? ""}` ? left : undefined;
      }),
  },
  {
    name: "9.2 sops crashes when it prints an INI comment whose first line is empty",
    formats: ["ini"],
    applies: ({ text, wanted, got }) =>
      [0, 4].includes(got.exit) &&
      wanted.exit === 2 &&
      wanted.said.startsWith("panic: ") &&
      /^\s*[#;][#; \t\r]*$/m.test(text),
  },
  {
    name: "10 D1: sops prints ciphertext for a comment that its own file moved into a nested collection",
    formats: ["yaml"],
    applies: ({ wanted }) =>
      wanted.out
        .toString("latin1")
        .split("\n")
        .some((line) => isCiphertextComment.test(line)),
    rewrite: (wanted, got) => {
      const [same, other] = linewise(wanted, got, (left, right) => {
        const pad = isCiphertextComment.exec(left)?.[1];
        return pad !== undefined && right.startsWith(`${pad}#`) ? `${pad}#COMMENT` : undefined;
      });
      if (same === other) return [same, other];
      // Where they stand at another place or next to other departures, what is printed for the ciphertexts is left out.
      const [left, right] = [commentsApart(wanted), commentsApart(got)].map(
        ({ lines, comments }) => ({
          lines,
          comments: comments.filter((line) => !isCiphertextComment.test(line)),
        }),
      );
      if (!left || !right) return [wanted, got];
      return [
        [...left.lines, ...left.comments].join("\n"),
        [...right.lines, ...shared(right.comments, left.comments)].join("\n"),
      ];
    },
  },
  {
    name: "10 D1, 7.7: sopsmith puts a comment where every sops opens it",
    formats: ["yaml"],
    applies: ({ check }) => check.startsWith("sopsmith →"),
    rewrite: (wanted, got) => {
      const [left, right] = [commentsApart(wanted), commentsApart(got)];
      return [
        [...left.lines, ...left.comments].join("\n"),
        [...right.lines, ...right.comments].join("\n"),
      ];
    },
  },
  {
    name: "7.7 sops prints the comment of a list's first collection instead of the list's own",
    formats: ["yaml"],
    applies: ({ source }) =>
      nodes(yamlDocuments(source)).some(
        (node) => node.kind === "seq" && leadingComments(node) >= 2,
      ),
    rewrite: (wanted, got, { check }) => {
      const [left, right] = [commentsApart(wanted), commentsApart(got)];
      // sopsmith's file may give sops one more reason to do so.
      const kept =
        check === "sopsmith → sops" ? shared(left.comments, right.comments) : left.comments;
      return [
        [...left.lines, ...kept].join("\n"),
        [...right.lines, ...shared(right.comments, left.comments)].join("\n"),
      ];
    },
  },
  {
    name: "7.7 sops loses the comment of a collection without elements",
    formats: ["yaml"],
    applies: ({ source }) =>
      holdsItems(
        source,
        (items) => items.length > 0 && items.every(({ kind }) => kind === "comment"),
      ),
    rewrite: (wanted, got) => {
      const [left, right] = [commentsApart(wanted), commentsApart(got)];
      return [
        [...left.lines, ...shared(left.comments, right.comments)].join("\n"),
        [...right.lines, ...shared(right.comments, left.comments)].join("\n"),
      ];
    },
  },
  {
    name: "10 D6: a comment after a list's last collection goes in front of the list's key",
    formats: ["yaml"],
    rare: true,
    applies: ({ check, source }) =>
      check.startsWith("sopsmith →") &&
      holdsItems(source, (items) => {
        const last = items.findLastIndex(({ kind }) => kind !== "comment");
        const owner = items[last];
        const value = owner?.kind === "entry" ? owner.value : owner;
        return last < items.length - 1 && (value?.kind === "map" || value?.kind === "seq");
      }),
    rewrite: (wanted, got) => {
      const [left, right] = [commentsApart(wanted), commentsApart(got)];
      return [
        [...left.lines, ...left.comments].join("\n"),
        [...right.lines, ...right.comments].join("\n"),
      ];
    },
  },
  {
    name: "3.2 sops moves a comment that steers what is encrypted and cannot read its own file",
    formats: ["yaml"],
    applies: (context) =>
      isSteered(context.settings) &&
      [2, 25, 51].includes(context.wanted.exit) &&
      keepsValues(context),
  },
  {
    name: "10 D16: sops makes a bare # in a list an empty text",
    formats: ["yaml"],
    rare: true,
    applies: ({ source }) => holdsBareComment(source),
    rewrite: (wanted, got) =>
      linewise(wanted, got.replaceAll(/^( *)(- .*) #$/gm, '$1- ""\n$1$2'), (left, right) =>
        /^ *- ""$/.test(left) && right === left.replace('- ""', "#") ? left : undefined,
      ),
  },
  {
    name: "10 D2: sops prints null for text that starts with a tab and has a line feed",
    formats: ["yaml"],
    applies: (context) => holdsText(context.source, startsWithTab) && keepsValues(context),
    rewrite: (wanted, got) =>
      linewise(wanted, got, (left, right) =>
        left.endsWith("null") && right.startsWith(`${left.slice(0, -4)}"\\t`) ? left : undefined,
      ),
  },
  {
    name: "10 D3: sops prints a wrong indentation digit inside a list",
    formats: ["yaml"],
    applies: (context) => holdsText(context.source, needsDigit) && keepsValues(context),
    rewrite: (wanted, got) => {
      const without = (line: string): string => line.replace(/\|[2-9](?=[-+]?( #.*)?$)/, "|D");
      return linewise(wanted, got, (left, right) =>
        without(left) === without(right) ? without(left) : undefined,
      );
    },
  },
  {
    name: "10 D2, D3: what sops wrote in clear does not read back",
    formats: ["yaml"],
    applies: (context) =>
      [1, 4, 25, 51].includes(context.wanted.exit) &&
      keepsValues(context) &&
      holdsText(context.source, (text) => startsWithTab(text) || needsDigit(text)),
  },
  {
    name: "10 D16: a bare # is read at another place than the empty text that sops makes of it",
    formats: ["yaml"],
    rare: true,
    applies: ({ check, source }) =>
      check.startsWith("sopsmith →") && (holdsBareComment(source) || holdsNestedInline(source)),
    rewrite: (wanted, got) => {
      const flat = (text: string): string => {
        const { lines, comments } = commentsApart(text);
        const values = lines.map((line) => line.replace(/^[ -]*(?=.)/, ""));
        return [...values.filter((line) => line !== '""'), ...comments].join("\n");
      };
      return [flat(wanted), flat(got)];
    },
  },
  {
    name: "10 D2: in clear, sops writes null for text that starts with a tab and has a line feed",
    formats: ["yaml"],
    applies: (context) =>
      isRefusedBySopsmith(context, 4) && holdsText(context.source, startsWithTab),
  },
  {
    name: "10 D10: sops writes a !!merge << that it cannot read back",
    formats: ["yaml"],
    applies: ({ check, text, wanted, got }) =>
      check === "encrypt" && wanted.exit === 0 && got.exit === 4 && text.includes("<<"),
  },
];
