/** The kinds of YAML tokens, as in the YAML 1.1 reference scanner that go-yaml is built on. */
export const Tok = {
  StreamStart: 0,
  StreamEnd: 1,
  VersionDirective: 2,
  TagDirective: 3,
  DocumentStart: 4,
  DocumentEnd: 5,
  BlockSequenceStart: 6,
  BlockMappingStart: 7,
  BlockEnd: 8,
  FlowSequenceStart: 9,
  FlowSequenceEnd: 10,
  FlowMappingStart: 11,
  FlowMappingEnd: 12,
  BlockEntry: 13,
  FlowEntry: 14,
  Key: 15,
  Value: 16,
  Alias: 17,
  Anchor: 18,
  Tag: 19,
  Scalar: 20,
} as const;
export type TokenType = (typeof Tok)[keyof typeof Tok];

export type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded";

export interface Token {
  type: TokenType;
  start: number;
  end: number;
  /** Scalar text, anchor name, tag suffix or directive prefix. */
  value: string;
  /** Tag handle or `%TAG` handle. */
  handle: string;
  style: ScalarStyle;
}
