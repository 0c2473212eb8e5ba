/** What a resource is called and which provider it is for. */
export interface Named {
  readonly label: string;
  /** Text behind `provider =`; "" for none. */
  readonly provider: string;
}

export const block = (head: string, lines: readonly string[]): string =>
  `${head} {\n${lines.map((line) => `${line}\n`).join("")}}\n`;

/** The provider's line and the blank one behind it. */
export const providerLines = (provider: string): string[] =>
  provider === "" ? [] : [`  provider = ${provider}`, ""];
