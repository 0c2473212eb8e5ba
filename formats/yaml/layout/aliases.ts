import { CannotKeep } from "../../layout.ts";
import { Parser, type Event } from "../parser.ts";
import { doubleQuoted } from "../scalars.ts";

/** Begins the anchors of the copies that replace aliases. */
export const COPY = "alias-";

/** A copy may make a text so many times as long, and always by so much. */
const MAX_GROWTH = 8;
const FREE_GROWTH = 1 << 16;

/** An alias, or a copy in its place. */
interface Reference {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** The value in flow form: of an alias what it stands for, of a copy its own. */
  readonly value: string;
  /** What the anchor of that name stands for here; undefined for none. */
  readonly target: string | undefined;
  readonly isCopy: boolean;
}

/**
 * A YAML text in which copies are in place of aliases: sops encrypts each place of a value on its own. A copy is in flow form, on one line, and
 * has an anchor that names the alias.
 *
 * @param text without `END`
 * @throws {CannotKeep} for a text that would become much longer
 */
export function expandAliases(text: string): string {
  let out = "";
  let done = 0;
  for (const { start, end, name, value } of references(text)) {
    out += `${text.slice(done, start)}&${COPY}${name} ${value}`;
    done = end;
    if (out.length > text.length * MAX_GROWTH + FREE_GROWTH)
      throw new CannotKeep("its aliases expand to too much text");
  }
  return out + text.slice(done);
}

/** Does a text have anchors of its own that look like those of copies? */
export const hasCopies = (text: string): boolean => text.includes(`&${COPY}`);

/** The inverse: a copy becomes an alias again while it equals what its anchor stands for, and else an ordinary value. */
export function contractAliases(text: string): string {
  if (!hasCopies(text)) return text;
  let out = "";
  let done = 0;
  for (const { start, end, name, value, target, isCopy } of references(text)) {
    if (!isCopy) continue;
    const copy = text.slice(start, end);
    const own = copy.slice(COPY.length + name.length + 1).replace(/^[ \t]+/, "");
    out += text.slice(done, start) + (value === target ? `*${name}` : own);
    done = end;
  }
  return out + text.slice(done);
}

/** A node below an anchor, or one that stands for itself. */
interface Frame {
  readonly start: number;
  readonly anchor: string;
  readonly isMapping: boolean;
  /** Undefined outside anchors, where nobody asks. */
  readonly parts: string[] | undefined;
}

/** In the order of the text. */
function references(text: string): Reference[] {
  const found: Reference[] = [];
  const anchors = new Map<string, string>();
  const stack: Frame[] = [];
  const done = (value: string, at: { start: number; end: number; anchor: string }): void => {
    const { start, end, anchor } = at;
    if (anchor.startsWith(COPY)) {
      const name = anchor.slice(COPY.length);
      found.push({ start, end, name, value, target: anchors.get(name), isCopy: true });
    } else if (anchor !== "") {
      anchors.set(anchor, value);
    }
    stack[stack.length - 1]?.parts?.push(value);
  };
  const parser = new Parser(`${text}\0`);
  for (let e = parser.next(); e.type !== "stream-end"; e = parser.next()) {
    switch (e.type) {
      case "document-start":
        anchors.clear();
        break;
      case "mapping-start":
      case "sequence-start": {
        const isAsked = e.anchor !== "" || stack[stack.length - 1]?.parts !== undefined;
        const isMapping = e.type === "mapping-start";
        stack.push({
          start: e.start,
          anchor: e.anchor,
          isMapping,
          parts: isAsked ? [] : undefined,
        });
        break;
      }
      case "mapping-end":
      case "sequence-end": {
        const frame = stack.pop();
        if (frame?.parts) done(flow(frame.parts, frame.isMapping), { ...frame, end: e.end });
        break;
      }
      case "alias": {
        const target = anchors.get(e.value);
        if (target === undefined) throw new CannotKeep("an alias refers to nothing");
        const { start, end, value: name } = e;
        found.push({ start, end, name, value: target, target, isCopy: false });
        stack[stack.length - 1]?.parts?.push(target);
        break;
      }
      case "scalar":
        if (e.anchor !== "" || stack[stack.length - 1]?.parts) done(flowScalar(e), e);
        break;
      default:
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

function flow(parts: readonly string[], isMapping: boolean): string {
  if (!isMapping) return `[${parts.join(", ")}]`;
  const pairs: string[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) pairs.push(`${parts[i]}: ${parts[i + 1]}`);
  return `{${pairs.join(", ")}}`;
}

/** A scalar's value in one spelling that any collection can hold, its type kept. */
function flowScalar({ style, value, tag }: Event): string {
  const isTagged = tag !== "" && tag !== "!";
  const isPlain = style === "plain" && /^(?:[\w.+-][\w.+:-]*|~)?$/.test(value);
  // What is empty is null, unless a tag says otherwise.
  const empty = isTagged && !tag.endsWith("null") ? '""' : "null";
  const text = isPlain ? value || empty : doubleQuoted(value);
  return isTagged ? `${tag} ${text}` : text;
}
