/**
 * Whole pieces of YAML, one or more for each row of spec 7.1, 7.3, 7.6, 7.7 and Appendix A. `@a` becomes a name that is used once. Each
 * piece is entries of a block mapping and may stand at any indentation.
 */
export const shapes: Record<string, readonly string[]> = {
  // Anchors, tags, styles
  "7.1 anchor and alias of a scalar": ["@a: &@x 1\n@b: *@x\n", "@a: &@x 'q'\n@b: [*@x, *@x]\n"],
  "7.1 anchor and alias of a mapping": [
    "@a: &@x\n  p: 1\n  q: [2]\n@b: *@x\n",
    "@a: &@x {p: 1}\n@b: *@x # al\n@c: 2\n",
  ],
  "7.1 anchor and alias of a list": [
    "@a: &@x\n  - 1\n  - k: 2\n@b: *@x\n",
    "@a: &@x [1, 2]\n@b:\n  - *@x\n  - *@x # c\n",
  ],
  "7.1 alias copies comments": ["@a: &@x\n  # in\n  p: 1 # line\n  # foot\n@b: *@x\n"],
  "7.1 merge key": ["@a: &@x\n  p: 1\n@b:\n  <<: *@x\n  q: 2\n"],
  "7.1 merge key with a list": ["@a: &@x {p: 1}\n@b: &@y {r: 1}\n@c:\n  <<: [*@x, *@y]\n  q: 2\n"],
  "7.1 anchor redefined": ["@a: &@x 1\n@b: *@x\n@c: &@x 2\n@d: *@x\n"],
  "7.1 anchored empty value": ["@a: &@x\n@b: *@x\n"],
  "7.1 tag on a collection": [
    "@a: !foo {p: 1}\n",
    "@a: !!map\n  p: 1\n@b: !!seq [1]\n",
    "@a: !bar\n  - 1\n",
    "@a: !!set {p, q}\n",
    "@a: !!omap [p: 1]\n",
  ],
  "7.1 tag on a key": ["!!str @a: 1\n", "!foo @a: 1\n", "&@x @a: 1\n@b: *@x\n"],
  "7.1 flow style": [
    "@a: {p: 1, q: [2, {r: 3}], 's': \"t\"}\n",
    "@a: [1, 'b', \"c\", d e, ~, ]\n",
    "@a: [p: 1, q]\n",
    "@a: {p, q: , 'r':1}\n",
    "@a: [\n  1,\n  2\n  ]\n",
    "@a: {p: [\n  1, 2], q:\n  3}\n",
  ],
  "7.1 quoted number as a key": [
    '"@a1": 1\n"1@b": 2\n',
    "'1': 1\n",
    "'true': 1\n\"2020-01-01\": 2\n",
  ],
  "7.1 plain scalar over lines": ["@a: one\n  two\n\n  three\n", "@a:\n  one\n  two\n"],
  "7.1 quoted scalar over lines": [
    '@a: "one\n  two\\\n  three\n\n  four"\n',
    "@a: 'one\n  two\n\n  three'\n",
    '@a: "\n  a  \n  b\\  \n  \\ c"\n',
  ],
  "7.1 folded block": [
    "@a: >\n  one\n  two\n\n  three\n   more\n  four\n",
    "@a: >-\n  x\n  y\n",
    "@a: >+\n  x\n\n\n@b: 1\n",
  ],
  "7.1 literal block": [
    "@a: |\n  one\n   two\n\n  three\n",
    "@a: |-\n  x\n",
    "@a: |+\n  x\n\n\n@b: 1\n",
    "@a: |\n@b: 1\n",
    "@a: |+\n\n@b: |-\n\n@c: 1\n",
  ],
  "7.1 block with a digit": [
    "@a: |2\n   x\n  y\n",
    "@a: |1-\n  x\n y\n",
    "@a: >2+\n    x\n\n@b: |+2\n    y\n",
  ],
  "7.1 block with leading blank lines": ["@a: |\n\n\n  x\n", "@a: >\n\n  x\n\n\n  y\n"],
  "7.1 block with trailing blanks": ["@a: |\n  x  \n  y\t\n", "@a: |\n  x\n  \t\n  y\n"],
  "7.1 block in a list": ["@a:\n  - |\n    x\n    y\n  - >-\n    z\n  - |2\n      w\n"],
  "7.1 byte order mark in text": ['@a: "\\uFEFFx"\n'],
  "7.1 tab behind a value": ["@a: 1\t\n@b: 2 \t # c\n", "@a:\t1\n"],
  // Documents and indentation
  "7.3 empty collections": ["@a: {}\n@b: []\n@c: [[], {}]\n@d:\n  - []\n  - {}\n"],
  "7.3 list in a list": ["@a:\n  - - 1\n    - 2\n  - - - 3\n  -\n    - 4\n"],
  "7.3 mapping in a list": ["@a:\n  - p: 1\n    q: 2\n  - r:\n      - s: 3\n        t: [4]\n"],
  "7.3 list without indentation": ["@a:\n- 1\n- p: 2\n  q:\n  - 3\n@b: 1\n"],
  "7.3 deep nesting": [
    `@a: ${"[".repeat(40)}1${"]".repeat(40)}\n`,
    `${Array.from({ length: 20 }, (_, i) => `${" ".repeat(i)}k:\n`)
      .join("")
      .replace("k", "@a")}${" ".repeat(20)}z: 1\n`,
  ],
  "7.3 empty elements": ["@a:\n  -\n  - 1\n  -\n", "@a:\n  - ~\n  - null\n"],
  // Keys
  "7.5 empty key": ['"": 1\n'],
  "7.5 explicit key": [
    "? @a\n: 1\n? @b\n",
    "? @a # c\n: - 1\n  - 2\n",
    "? |\n  @a\n  b\n: 1\n",
    "? @a\n# between\n: 2\n",
  ],
  "7.5 key with a line feed": ['"@a\\nb": 1\n', '"@a\\n\\U0001F600": 1\n', '"@a\\nb": {p: 1}\n'],
  "7.5 long key": [
    `@a${"x".repeat(130)}: 1\n`,
    `@a${"x".repeat(125)}: 1\n`,
    `? "@a${"é".repeat(70)}"\n: 1\n`,
    `? @a${"y".repeat(200)}\n: p: 1\n  q: [2]\n`,
  ],
  "7.5 key in quotes": ["'@a b': 1\n\"@c: d\": 2\n'@e #f': 3\n"],
  "7.5 odd key": [
    "@a b c: 1\n",
    "@a#b: 1\n",
    "é@a: 1\n",
    '"\\U0001F600@a": 1\n',
    '"- @a": 1\n',
    "'*@a': 1\n",
    "@a:b: 1\n",
    '"@a\\t": 1\n',
    '"@a\\u2028b": 1\n',
  ],
  "7.5 key of an object's prototype": ["__proto__: 1\n", "constructor: {toString: 1}\n"],
  "7.5 merge key as text": ["'<<': 1\n", "@a: <<\n@b: ['<<']\n"],
  // Comments: where they stand
  "7.6 head of a key": ["# head\n@a: 1\n# head\n# in two lines\n@b: 2\n"],
  "7.6 end of line after a scalar": ["@a: 1 # c\n@b: 'q' # d\n"],
  "7.6 end of line after an alias": ["@a: &@x 1\n@b: *@x # c\n"],
  "7.6 end of line after a key of a block": ["@a: # c\n  p: 1\n@b: # d\n  - 1\n"],
  "7.6 end of line before a scalar on the next line": ["@a: # c\n  text\n@b: # d\n  'q'\n"],
  "7.6 block scalar header": ["@a: | # c\n  x\n@b: >- # d\n  y\n", "@a:\n  - | # c\n    x\n"],
  "7.6 end of line after a flow collection": [
    "@a: [] # c\n@b: {} # d\n@c: [1] # f\n@d: {x: 1} # h\n",
  ],
  "7.6 above an element": ["@a:\n  # head\n  - 1\n  # h2\n  # h3\n  - 2\n"],
  "7.6 end of line after an element": ["@a:\n  - 1 # c\n  - 'q' # d\n"],
  "7.6 behind a bare dash": [
    "@a:\n  - # x\n    p: 1\n  - q: 2 # y\n    # z\n    r: 3\n",
    "@a:\n  - # x\n    1\n  - # y\n    - 2\n",
  ],
  "7.6 foot of a mapping": ["@a:\n  p: 1\n  # foot\n", "@a:\n  p: 1\n  # foot\n@b: 2\n"],
  "7.6 foot of a list": ["@a:\n  - 1\n  # foot\n@b: 2\n"],
  "7.6 comment continued deeper": ["@a: 1 # x\n     # y\n@b: 2\n"],
  "7.6 observed pair: heads and feet": ["@a:\n  # in\n  p: 1\n  # foot p\n# foot a\n@b: 1\n"],
  "7.6 observed pair: flow list": ["@a: [\n  # c\n  a, # d\n  # e\n  b\n  # f\n]\n"],
  "7.6 flow mapping": ["@a: { # h\n  p: 1, # i\n  # j\n  q: 2 # k\n  # l\n}\n"],
  "7.6 same column as the next content": ["@a:\n  p: 1\n  # c\n  q: 2\n"],
  "7.6 odd column before content further out": [
    "@a:\n  p:\n    q: 1\n   # odd\n  r: 1\n",
    "@a:\n  p:\n    q: 1\n # odd\n@b: 1\n",
  ],
  "7.6 blank line behind the comment": [
    "@a:\n  - 1\n# after\n\n@b: 1\n",
    "@a:\n- 1\n- 2\n# after\n\n@b: 1\n",
    "@a:\n- 1\n# after\n@b: 1\n",
    "@a:\n  p: 1\n  # x\n\n@b: 1\n",
  ],
  "7.6 blank line above the comment": [
    "@a:\n  p: 1\n\n# c\n@b: 1\n",
    "@a:\n  p: 1\n\n  # y\n@c: 1\n",
  ],
  "7.6 two paragraphs": ["@a:\n  p: 1\n  # x\n\n  # y\n@c: 1\n", "@a: 1\n# x\n\n# y\n\n@b: 2\n"],
  "7.6 comment and an empty value": ["@a:\n  # only\n@b: 1\n", "@a: # only\n@b: 1\n"],
  "7.6 bare number sign": ["#\n@a: 1 #\n@b:\n  #\n  p: 1\n"],
  "7.6 bare number sign in a list": ["@a:\n  #\n  - 1\n  - 2 #\n"],
  "7.6 text behind the number sign": ["#! x\n##y\n#\tz\n# \u{1F600} é\n@a: 1 #no blank\n"],
  "7.6 comment like ciphertext": ["# ENC[x]\n@a: 1\n"],
  "7.6 comment at an outer column": [
    "@a:\n  p: 1\n# y\n  q: 1\n",
    "@a:\n  p: 1\n# y\n\n  q: 1\n",
    "@a:\n  - p: 1\n\n    # y\n  - q: 1\n",
  ],
  "7.6 comment behind a list of mappings": [
    "@a:\n  - p: 1\n  # end\n@b: 1\n",
    "@a:\n  - p:\n      - 1\n  # end\n  - q\n",
  ],
  "7.6 comment before a mapping in a list": [
    "@a:\n  # one\n  - p: 1 # two\n    # three\n    q: 2\n  # four\n  - r: 3\n",
  ],
  "7.6 comment before a list in a list": [
    "@a:\n  # one\n  - - 1 # two\n    # three\n    - 2\n  # four\n  - - 3\n  # five\n",
  ],
  "7.6 comment between key and list": ["@a:\n  # c\n\n  # d\n  - 1\n", "@a:\n# c\n- 1\n"],
  "7.6 comment after an explicit key": ["? @a # c\n# d\n: 1 # e\n"],
  // Comments: how they are written
  "7.7 mapping with comments only": ["@a: {\n  # c\n}\n@b: {} # d\n", "@a:\n  - {\n    # c\n  }\n"],
  "7.7 list with comments only": ["@a: [\n  # c\n]\n@b: [] # d\n"],
  "7.7 line comment of a block mapping": ["@a: &@x\n  p: 1\n@b: *@x # al\n@c: 2\n"],
  "7.7 line comment of an element that is a collection": [
    "@a:\n  - {x: 1} # three\n  - z\n",
    "@a:\n  - {x: 1} # three\n  - [y]\n",
    "@a:\n  - [1] # two\n  - [2]\n@b: 1\n",
  ],
  "7.7 foot of a list that ends in a collection": [
    "@a: [{p: 1},\n  # end\n]\n@b: 1\n",
    "@a: [[1],\n  # end\n]\n@b:\n  - 1\n",
    "@a:\n  - p: 1\n  # end\n",
  ],
  "7.7 several line comments": [
    "@a: &@x 1 # one\n@b: [*@x, # two\n  2]\n",
    "@a:\n  # h\n  - 1 # one\n         # two\n  - 2\n",
  ],
};

/** Pieces that may only stand at the end of the input, at root level. */
export const endShapes: Record<string, readonly string[]> = {
  "7.6 end of input: in the list": ["@a:\n  - 1\n  # end\n", "@a:\n  - 1\n  # end"],
  "7.6 end of input: in the mapping": ["@a:\n  p:\n    q: 1\n  # e\n", "@a:\n  p: 1\n    # e\n"],
  "7.6 end of input: behind a list of mappings": [
    "@a:\n  - p: 1\n  # end\n",
    "@a:\n- p: 1\n# end\n",
  ],
  "7.6 end of input: two paragraphs": ["@a:\n  p: 1\n  # x\n\n  # y\n", "@a: 1\n# x\n\n# y\n\n\n"],
  "7.6 end of input: odd column": ["@a:\n  p: 1\n # odd\n", "@a:\n    - 1\n  # odd\n"],
};

/** Whole streams. `@@` stands for the entries of a random mapping at the root. */
export const streams: Record<string, readonly string[]> = {
  "7.1 no entries": ["---\n", "null\n", "{}\n", "---\n...\n", "~", "--- {}\n"],
  "7.1 second document empty": ["@@---\n", "@@---\n---\n@@", "@@--- {}\n", "@@---\nnull\n"],
  "7.1 directive": ["%YAML 1.1\n---\n@@", "%TAG ! tag:x,2000:\n---\n@@"],
  "7.1 byte order mark": ["\ufeff@@", "\ufeff# c\n@@"],
  "7.1 duplicate key in a later document": ["@@---\na: 1\na: 2\n"],
  "7.3 several documents": ["@@---\n@@", "---\n@@---\n@@---\n@@", "@@...\n---\n@@", "--- # c\n@@"],
  "7.3 empty document with comments": [
    "{}\n# foot\n",
    "# head\n{}\n",
    "# head\n---\n# in\n{} # line\n# foot\n",
    "@@---\n# c\n{}\n",
  ],
  "7.6 comment before the first ---": [
    "# a\n---\n@@",
    "# a\n\n# b\n---\n# c\n@@",
    "# a\n--- # b\n@@",
  ],
  "7.6 comment at the start of a document": [
    "# a\n\n@@",
    "# a\n# b\n\n# c\n@@",
    "\n\n# a\n@@",
    "@@---\n# a\n\n# b\n@@",
  ],
  "7.6 comment at the end of a document": [
    "@@# e\n---\n@@# f\n",
    "@@\n# e\n",
    "@@# e\n...\n# f\n",
    "@@# e\n\n# f\n---\n@@",
  ],
  "7.6 comment between documents": ["@@...\n# between\n---\n@@", "@@# x\n--- # y\n# z\n@@"],
  "7.1 flow mapping at the root": [
    "{a: 1, b: [2, 3]} # c\n# foot\n",
    "{\n  # c\n  a: 1, # d\n  b: 2\n  # e\n}\n",
  ],
  "7.1 leading blank lines": ["\n\n\n@@"],
};

/** Streams that are refused. */
export const refusedStreams: Record<string, readonly string[]> = {
  "7.1 empty input": [""],
  "7.1 comments only": ["# c\n", "\n\n# c\n# d\n", "\n", "  \n"],
  "7.1 list at the root": ["- 1\n", "[1]\n"],
  "7.1 scalar at the root": [
    "foo\n",
    "'q'\n",
    "a long text that is cut\n",
    "5\n",
    "2020-01-01\n",
    "|\n  x\n",
  ],
  "7.1 later document is a list": ["@@---\n- 1\n"],
  "7.1 later document is a scalar": ["@@---\nfoo\n"],
  "7.1 other version": ["%YAML 1.2\n---\n@@", "%YAML 2.0\n---\n@@"],
  "7.1 control character": ["@@a: \u0001\n", "@@# \u0000\n", "@@a: x\u007fy\u0008\n"],
};

/** Entries that are refused. */
export const refusedShapes: Record<string, readonly string[]> = {
  "7.1 duplicate key": [
    "@a: 1\ndup: 1\ndup: 2\n",
    "@a: {dup: 1, dup: 2}\n",
    "@a:\n  - dup: 1\n    'dup': 2\n",
  ],
  "7.1 key that is a collection": ["[@a]: 1\n", "{@a: 1}: 1\n", "? - @a\n: 1\n"],
  "7.1 impossible tag": [
    "@a: !!int foo\n",
    "@a: !!float x\n",
    "@a: !!bool 5\n",
    "@a: !!null x\n",
    "@a: !!timestamp x\n",
  ],
  "7.1 bad base64": ["@a: !!binary '*'\n", "@a: !!binary a\n"],
  "7.1 unknown anchor": ["@a: *nowhere\n"],
  "7.1 anchor that contains itself": ["@a: &@x [*@x]\n", "@a: &@x {p: *@x}\n"],
  "7.1 key that is no string": [
    "1: a\n",
    "true: a\n",
    "null: a\n",
    "~: a\n",
    "1.5: a\n",
    "2020-01-01: a\n",
    ": a\n",
  ],
  "7.2 int beyond int64": [
    "@a: 9223372036854775808\n",
    "@a: 18446744073709551615\n",
    "@a: 0xffffffffffffffff\n",
  ],
  "7.1 syntax error": [
    "@a: 'x\n",
    "@a: [1\n",
    "@a: b: c\n",
    "@a: @x\n",
    "@a: %x\n",
    '@a: "\\q"\n',
    "@a:\n\t- 1\n",
    "@a: 1\n  q: 2\n",
    "- 1\n@a: 1\n",
    "@a: {p: 1\n",
    "@a: *\n",
    "@a: |x\n",
    "@a: ]\n",
    "@a: 'b'c\n",
    "@a\n@b: 1\n",
    "@a: &@x *@x\n",
  ],
  "6 sops on top": ["sops: {a: 1}\n", "sops: 1\n"],
};
