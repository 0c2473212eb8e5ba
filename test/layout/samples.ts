/** Plain YAML texts, each with something that sops would write in another way. */
export const kept: Readonly<Record<string, string>> = {
  "plain values and indentation by two": "a: 1\nb:\n  c: text\n  d:\n  - x\n  - y\n",
  "both kinds of quotes": `a: 'it''s'\nb: "q\\"q\\n"\n"c d": 'x: y'\n'e': ""\n`,
  "escapes of their own": `a: "\\u00e9 \\x41"\nb: "é"\nc: "tab\\tx"\n`,
  literals: "a: |\n  one\n\n  two\nb: |-\n   three\nc: |+\n  four\n\n\nd: |2\n    deep\n  x\n",
  "folded text": "a: >\n  one\n  two\n\n  three\nb: >-\n  four\nc: >+\n  five\n\nd: 1\n",
  "block scalars with comments at their heads": "a: |  # why\n  text\nb: >- # c\n  more\n  text\n",
  "flow collections": `a: [1, two, "three", 'four', ]\nb: { c: d e,"f":"g", h: [] }\nc: [\n  x,   # first\n  y ]\n`,
  "pairs and nested flow": "a: [ b: c, {d: e} ]\nf: {g: {h: [i, [j]]}}\n",
  "spellings of numbers, words and times":
    "a: 0x1F\nb: 0o17\nc: 1_000\nd: 1.50\ne: 1e3\nf: True\ng: 2020-01-01\nh: .5\ni: +1\nj: ~\nk: Null\nl:\n",
  "values over several lines": `a: one\n  two\n\n  three\nb: "one\n  two"\nc: 'one\n\n  two'\nd:\n  below\n`,
  tags: `a: !!str 5\nb: !vault x\nc: !!int "7"\nd: !!float 1\ne: !!binary aGk=\nf: !!map {a: b}\ng: !!bool "true"\n`,
  "anchors that nobody refers to": "a: &x 1\nb: &y\n  c: d\ne: &z [f]\n",
  "aliases and merge keys":
    "base: &base\n  user: u\n  port: 0x50\nother:\n  <<: *base\n  name: n\nall: [*base, *base]\ns: &s 'q'\nt: *s\n",
  "copies of what is empty": "a: &a {b: !!str , c: , d: !!null , e: !x }\nf: *a\ng:\n  <<: *a\n",
  "comments everywhere":
    "# top\n\n# second\na: 1 # end\n#left\nb: # behind the key\n  # inside\n  c: d   # far\n    # deep\n  e: f\n# tail\n\n# last\n",
  "comments in lists and flow":
    "a:\n# one\n- x # two\n  # three\n- y\n#four\nb: [1, # five\n  2]\nc: {d: 1, # six\n  e: 2}\n",
  "bare marks of comments": "a: 1 #\n#\nb:\n- #\n  x\n",
  "carriage returns": "a: 1\r\n\r\n# c\r\nb: |\r\n  one\r\n  two\r\nc: [x,\r\n  y]\r\n",
  "a byte order mark": "\ufeffa: 1 # é\n",
  "no line break at the end": "a: 1\n\nb: two",
  "a comment at the end, without a line break": "a: 1\n# c",
  "a literal at the end, without a line break": "a: |\n  one\n  two",
  "a folded text at the end, without a line break": "a: 1\nb: >\n  one\n  two",
  "blank lines at the end": "a: 1\n\n\n",
  "a start marker": "---\na: 1\n",
  "both markers": "# c\n---  # doc\na: 1\n...\n",
  "an end marker without a line break": "a: 1\n# c\n...",
  "a version directive": "%YAML 1.1\n---\na: 1\n",
  "several documents": "a: 1\n# of the first\n---\n# of the second\nb: 'x' # c\n---\nc: [1,2]",
  "an empty document between others": "a: 1\n---\n---\nb: 2\n",
  "a root that is indented": "  a: 1\n  b:\n    c: 2\n",
  "explicit keys": "? a\n: 1\n? 'b c'\n: - x\n  - y\n",
  "lists in lists": "a:\n- - x\n  - - y\n- \n  z: 1\n-   k: v\n    l: w\n",
  "tabs and spaces where nobody looks": "a:\t1  \nb: 'x' \t\n  \nc:   d\n  \n",
  "what stays unencrypted":
    "a_unencrypted: |\n  0x1 # no\n\nb_unencrypted: [ 'x', 1.50 ]\nc: 1 # yes\n",
  "a text that looks like its own marker":
    'a: "# sopsmith-layout 1"\nb: |\n  sops:\n      # sopsmith-layout 1\n',
};
