/** A text as one word of a POSIX shell. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The same for a command that people read: without quotes where none are needed. */
export const readableWord = (text: string): string =>
  /^[\w./@+][\w./@+-]*$/.test(text) ? text : shellWord(text);
