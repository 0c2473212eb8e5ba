import type { FormatName } from "../../formats/format.ts";
import type { EncryptOptions } from "../../src/encrypt.ts";
import { age } from "../../src/keys/age/age.ts";
import { alice, bob } from "../keys/fake-host.ts";
import { aliceHost, encryptText } from "../verbs.ts";

/** What each planted value has in it: it must not be in any report. */
export const planted = "hunter2-planted";

/** One file with one defect. */
export interface Planted {
  readonly name: string;
  readonly content: string;
  /** `rule:line` of each finding. */
  readonly found: readonly string[];
  /** Files beside it, without a finding of their own. */
  readonly beside?: Readonly<Record<string, string>>;
}

const yaml =
  "name: shop\ndb:\n    user: app\n    password: s3cret\nlist:\n    - one\n    - two\nflag: true\nport: 5432\n";
const json =
  '{"name": "shop", "db": {"user": "app", "password": "s3cret"}, "list": ["one", 2, true]}';
const dotenv = "NAME=shop\nPASSWORD=s3cret\nTOKEN=abc\n";
const ini = "[db]\nuser = app\npassword = s3cret\n\n[web]\ntoken = abc\n";
const sources: Readonly<Record<string, string>> = {
  yaml,
  json,
  dotenv,
  ini,
  binary: "raw\u0000bytes",
};

const seal = (
  format: FormatName,
  options: Partial<EncryptOptions> = {},
  source = sources[format] ?? "",
) => encryptText(source, { format, ...options });

const sealed = Object.fromEntries(
  await Promise.all(
    (["yaml", "json", "dotenv", "ini", "binary"] as const).map(async (format) => [
      format,
      await seal(format),
    ]),
  ),
) as Record<FormatName, string>;

/** The text with a pattern replaced, which must be there. */
export function changed(text: string, pattern: RegExp | string, by: string): string {
  const out = text.replace(pattern, () => by);
  if (out === text) throw new Error(`${String(pattern)} is not in the text`);
  return out;
}

/** From 1. */
function lineOf(text: string, pattern: RegExp): number {
  const index = text.search(pattern);
  if (index < 0) throw new Error(`${String(pattern)} is not in the text`);
  return text.slice(0, index).split("\n").length;
}

const password = {
  yaml: /(?<=password: )ENC\[[^\]]*\]/,
  json: /(?<="password": ")ENC\[[^\]]*\]/,
  dotenv: /(?<=PASSWORD=)ENC\[[^\]]*\]/,
  ini: /(?<=password = )ENC\[[^\]]*\]/,
};
const flag = /(?<=flag: )ENC\[[^\]]*\]/;

/** The sealed YAML with one part of the password's ciphertext replaced. */
const broken = (pattern: RegExp, by: string) =>
  changed(
    sealed.yaml,
    password.yaml,
    changed(password.yaml.exec(sealed.yaml)?.[0] ?? "", pattern, by),
  );

const file = (name: string, content: string, ...found: string[]): Planted => ({
  name,
  content,
  found,
});

const keys = await age.parse(`${alice.recipient},${bob.recipient}`, aliceHost);
const [bobKey] = keys.slice(1);
const [aliceKey] = keys;
if (aliceKey === undefined || bobKey === undefined) throw new Error("two keys are needed");

const inEvery = (make: (format: keyof typeof password, text: string) => [string, number]) =>
  (Object.keys(password) as (keyof typeof password)[]).map((format) => {
    const [content, line] = make(format, sealed[format]);
    return { format, content, line };
  });
const endings = { yaml: "yaml", json: "json", dotenv: "env", ini: "ini" };

const selected = await seal("yaml", {
  selectors: [{ name: "encrypted_regex", value: "^password$" }],
});
const suffixed = await seal("json", { selectors: [{ name: "encrypted_suffix", value: "word" }] });
const commented = await seal(
  "yaml",
  { selectors: [{ name: "encrypted_comment_regex", value: "secret" }] },
  "# secret\na: one\nb: two\n",
);
const withComment = await seal("yaml", {}, "# note\na: one\nb: two\n");
const withEnvComment = await seal("dotenv", {}, "# note\nA=one\nB=two\n");
const kept = await seal(
  "yaml",
  { layout: "keep" },
  "# mine\nhex:  0x1F   # note\n\npassword: 's3cret'\nlist: [one, 2]\ntext: |\n  two\n  lines\n",
);
const marker = /^ +# sopsmith-layout .*\n/m;
const markers = /(?:^ +# sopsmith-layout .*\n)+/m;
const pgpBlock = [
  "-----BEGIN PGP PRIVATE KEY ",
  "BLOCK-----\n\nlQVYBGUxAAABDADJmVvRk0yZ0q7Zr0k8h9v4\n",
].join("");
const sshBlock = [
  "-----BEGIN OPENSSH PRIVATE ",
  "KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n",
].join("");
const secretManifest = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n";
/** A Kustomization of Flux. */
const fluxOf = (name: string, path: string, more = "", recipient = "") =>
  `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: ${name}\n${recipient === "" ? "" : `  annotations: { sopsmith.dev/recipient: ${recipient} }\n`}spec:\n  path: ${path}\n${more}`;
const decryption = "  decryption: { provider: sops, secretRef: { name: sops-age } }\n";
const forBob = await seal("yaml", { keyGroups: [[bobKey]] });
const conflict = (text: string) =>
  changed(
    text,
    /( *["']?mac["']?[:=]? .*\n|sops_mac=.*\n)/,
    "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\n",
  );

/** Each file of `enc` is named by the creation rule of `.sops.yaml`, with alice's key; those of `open` by none. */
export const corpus: readonly Planted[] = [
  // SM101: files in clear
  ...Object.entries({ yaml, json, env: dotenv, ini, bin: "raw" }).map(([ending, text]) =>
    file(
      `enc/clear.${ending}`,
      changed(text, ending === "bin" ? "raw" : "s3cret", planted),
      "SM101:1",
    ),
  ),
  file("enc/unparsable.yaml", `a: [${planted}\n`, "SM101:1"),
  file("enc/multi.yaml", `a: 1\n---\nb: ${planted}\n`, "SM101:1"),
  file("keys-only/clear.yaml", `plain: 1\npassword: ${planted}\n`, "SM101:1"),
  // SM102: values in clear
  ...inEvery((format, text) => {
    const content = changed(text, password[format], planted);
    return [content, lineOf(content, RegExp(planted))];
  }).map(({ format, content, line }) =>
    file(`enc/value.${endings[format]}`, content, `SM102:${line}`),
  ),
  file("enc/added-first.yaml", `new_password: ${planted}\n${sealed.yaml}`, "SM102:1"),
  file("enc/list.yaml", changed(sealed.yaml, /(?<=- )ENC\[[^\]]*\]/, planted), "SM102:6"),
  file("enc/number.yaml", changed(sealed.yaml, /(?<=port: )ENC\[[^\]]*\]/, "5432"), "SM102:9"),
  file("enc/boolean.yaml", changed(sealed.yaml, flag, "true"), "SM102:8"),
  file(
    "enc/number.json",
    changed(sealed.json, /(?<="password": )"ENC\[[^\]]*\]"/, "17"),
    `SM102:${lineOf(sealed.json, /"password"/)}`,
  ),
  file("open/selected.yaml", changed(selected, password.yaml, planted), "SM102:4"),
  file(
    "open/suffixed.json",
    changed(suffixed, password.json, planted),
    `SM102:${lineOf(suffixed, /"password"/)}`,
  ),
  file("open/commented.yaml", changed(commented, /(?<=^a: )ENC\[[^\]]*\]/m, planted), "SM102:2"),
  file("enc/added.env", `NEW=${planted}\n${sealed.dotenv}`, "SM102:1"),
  file("enc/added.ini", changed(sealed.ini, "[db]\n", `[db]\nnew = ${planted}\n`), "SM102:2"),
  file(
    "enc/block.yaml",
    changed(sealed.yaml, password.yaml, `|\n        ${planted}\n        more`),
    "SM102:4",
  ),
  // SM103: ciphertexts that nobody will decrypt
  file("enc/renamed.yaml", changed(sealed.yaml, "password:", "password_unencrypted:"), "SM103:4"),
  file(
    "enc/renamed.json",
    changed(sealed.json, '"password"', '"password_unencrypted"'),
    `SM103:${lineOf(sealed.json, /"password"/)}`,
  ),
  file("enc/renamed.env", changed(sealed.dotenv, "TOKEN=", "TOKEN_unencrypted="), "SM103:3"),
  file(
    "enc/renamed.ini",
    changed(sealed.ini, /token /, "token_unencrypted "),
    `SM103:${lineOf(sealed.ini, /token/)}`,
  ),
  file("open/renamed.yaml", changed(selected, "password:", "pass:"), "SM103:4"),
  // SM104: broken ciphertexts
  file("enc/cut.yaml", broken(/,type:str\]/, ""), "SM104:4"),
  file("enc/data-base64.yaml", broken(/data:[^,]*/, "data:a*b="), "SM104:4"),
  file("enc/tag-base64.yaml", broken(/tag:[^,]*/, "tag:abc"), "SM104:4"),
  file("enc/tag-short.yaml", broken(/tag:[^,]*/, "tag:AAAA"), "SM104:4"),
  file("enc/iv-empty.yaml", broken(/iv:[^,]*/, "iv:"), "SM104:4"),
  file("enc/iv-base64.yaml", broken(/iv:[^,]*/, "iv:====="), "SM104:4"),
  file("enc/type.yaml", broken(/type:str/, "type:text"), "SM104:4"),
  file("enc/data-empty.yaml", broken(/data:[^,]*/, "data:"), "SM104:4"),
  file("enc/algorithm.yaml", broken(/AES256_GCM/, "AES128_CBC"), "SM104:4"),
  file(
    "enc/behind.yaml",
    changed(sealed.yaml, password.yaml, `${password.yaml.exec(sealed.yaml)?.[0]} ${planted}`),
    "SM104:4",
  ),
  file(
    "enc/bool.yaml",
    changed(
      sealed.yaml,
      flag,
      changed(flag.exec(sealed.yaml)?.[0] ?? "", /data:[^,]*/, "data:AAAAAAAA"),
    ),
    "SM104:8",
  ),
  file(
    "enc/broken.json",
    changed(sealed.json, password.json, "ENC[AES256_GCM,data:x]"),
    `SM104:${lineOf(sealed.json, /"password"/)}`,
  ),
  file(
    "enc/broken.env",
    changed(sealed.dotenv, password.dotenv, "ENC[AES256_GCM,data:x]"),
    "SM104:2",
  ),
  file(
    "enc/broken.ini",
    changed(sealed.ini, password.ini, "ENC[AES256_GCM,data:x]"),
    `SM104:${lineOf(sealed.ini, /password/)}`,
  ),
  file(
    "enc/broken.bin",
    changed(sealed.binary, /(?<="data": ")ENC\[[^\]]*\]/, "ENC[AES256_GCM,data:x]"),
    "SM104:2",
  ),
  // SM105: broken metadata
  file(
    "enc/no-mac.yaml",
    changed(sealed.yaml, / +mac: .*\n/, ""),
    `SM105:${lineOf(sealed.yaml, /^sops:/m)}`,
  ),
  file(
    "enc/mac.yaml",
    changed(sealed.yaml, /(?<=mac: )ENC\[[^\]]*\]/, "abc"),
    `SM105:${lineOf(sealed.yaml, / mac:/)}`,
  ),
  file(
    "enc/mac.json",
    changed(sealed.json, /(?<="mac": ")ENC\[[^\]]*\]/, "abc"),
    `SM105:${lineOf(sealed.json, /"mac"/)}`,
  ),
  file(
    "enc/mac.env",
    changed(sealed.dotenv, /(?<=sops_mac=)ENC\[[^\]]*\]/, "abc"),
    `SM105:${lineOf(sealed.dotenv, /sops_mac/)}`,
  ),
  file(
    "enc/lastmodified.yaml",
    changed(sealed.yaml, /(?<=lastmodified: ).*/, "yesterday"),
    `SM105:${lineOf(sealed.yaml, /lastmodified/)}`,
  ),
  file(
    "enc/no-keys.yaml",
    changed(sealed.yaml, / {4}age:\n[^]*?(?= {4}lastmodified)/, ""),
    `SM105:${lineOf(sealed.yaml, /^sops:/m)}`,
  ),
  file(
    "enc/threshold.yaml",
    changed(sealed.yaml, /(?<= {4}mac: .*\n)/, "    shamir_threshold: 3\n"),
    `SM105:${lineOf(sealed.yaml, / mac:/) + 1}`,
    "SM202:1",
  ),
  file(
    "enc/two-blocks.json",
    changed(sealed.json, /"sops": \{/, '"sops": {}, "sops": {'),
    "SM105:1",
  ),
  file(
    "enc/twice.yaml",
    changed(sealed.yaml, /^name: .*\n/m, (/^name: .*\n/m.exec(sealed.yaml)?.[0] ?? "").repeat(2)),
    "SM105:2",
  ),
  file(
    "enc/twice.json",
    changed(
      sealed.json,
      /\t"name": .*\n/,
      (/\t"name": .*\n/.exec(sealed.json)?.[0] ?? "").repeat(2),
    ),
    "SM105:3",
  ),
  file("enc/no-block.yaml", changed(sealed.yaml, /^sops:\n[^]*/m, ""), "SM105:1"),
  file(
    "enc/two-selections.yaml",
    `${sealed.yaml}    encrypted_regex: x\n`,
    `SM105:${lineOf(sealed.yaml, /^sops:/m)}`,
  ),
  file(
    "enc/unparsable-sealed.yaml",
    changed(sealed.yaml, "list:", "list: ["),
    `SM105:${lineOf(sealed.yaml, /list:/) + 1}`,
  ),
  file(
    "open/bad-selection.yaml",
    changed(selected, "encrypted_regex: ^password$", "encrypted_regex: '['"),
    "SM103:4",
    "SM105:1",
  ),
  // SM106: conflict markers
  file("enc/conflict.yaml", conflict(sealed.yaml), `SM106:${lineOf(sealed.yaml, / mac:/)}`),
  file("enc/conflict.env", conflict(sealed.dotenv), `SM106:${lineOf(sealed.dotenv, /sops_mac/)}`),
  file("enc/conflict.ini", conflict(sealed.ini), `SM106:${lineOf(sealed.ini, /^mac/m)}`),
  // SM107: nonces
  file(
    "enc/nonce.yaml",
    changed(
      sealed.yaml,
      password.yaml,
      changed(
        password.yaml.exec(sealed.yaml)?.[0] ?? "",
        /iv:[^,]*/,
        /iv:[^,]*/.exec(sealed.yaml)?.[0] ?? "",
      ),
    ),
    "SM107:4",
  ),
  file(
    "enc/nonce.json",
    changed(
      sealed.json,
      password.json,
      changed(
        password.json.exec(sealed.json)?.[0] ?? "",
        /iv:[^,]*/,
        /iv:[^,]*/.exec(sealed.json)?.[0] ?? "",
      ),
    ),
    `SM107:${lineOf(sealed.json, /"password"/)}`,
  ),
  // SM108: comments
  file("enc/comment.yaml", `${changed(withComment, /^#ENC.*$/m, `# ${planted}`)}`, "SM108:1"),
  file("enc/comment-inside.yaml", changed(withComment, /^b: /m, `# ${planted}\nb: `), "SM108:3"),
  file("enc/comment.env", changed(withEnvComment, /^#ENC.*$/m, `# ${planted}`), "SM108:1"),
  // SM201: recipients
  file("enc/missing.yaml", await seal("yaml", { keyGroups: [[bobKey]] }), "SM201:1", "SM201:1"),
  file("enc/extra.json", await seal("json", { keyGroups: [[aliceKey, bobKey]] }), "SM201:1"),
  // SM202: settings
  file("enc/selection.yaml", selected, "SM202:1"),
  file("enc/mac-only.json", await seal("json", { macOnlyEncrypted: true }), "SM202:1"),
  // SM203: the policy
  {
    ...file("policy/one.yaml", sealed.yaml, "SM203:1"),
    beside: {
      "policy/.sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\ncheck:\n  min_recipients: 2\n`,
    },
  },
  {
    ...file("safe/one.yaml", sealed.yaml, "SM203:1"),
    beside: {
      "safe/.sops.yaml": `creation_rules:\n  - age: ${alice.recipient}\ncheck:\n  required_recipients: [${bob.recipient}]\n`,
    },
  },
  // SM204: old keys
  file(
    "open/old.yaml",
    changed(
      sealed.yaml,
      "    age:\n",
      '    pgp:\n        - created_at: "2020-02-03T04:05:06Z"\n          enc: x\n          fp: AB\n    age:\n',
    ),
    "SM204:1",
  ),
  // SM205: configurations; the files beside them only make them count
  ...[
    ["unknown", "creation_rules:\n  - age: KEY\nshamir: 1\n", 3],
    ["pattern", "creation_rules:\n  - path_regex: '('\n    age: KEY\n  - age: KEY\n", 2],
    ["unmatched", "creation_rules:\n  - path_regex: ^nothing\n    age: KEY\n  - age: KEY\n", 2],
    [
      "shadowed",
      "creation_rules:\n  - path_regex: one\n    age: KEY\n  - path_regex: one.yaml\n    age: KEY\n",
      4,
    ],
    ["never", "creation_rules:\n  - age: KEY\n  - path_regex: one\n    age: KEY\n", 3],
    ["recipient", "creation_rules:\n  - age: age1nonsense\n", 2],
    [
      "windows",
      "creation_rules:\n  - path_regex: windows/one|one\n    age: KEY\ncheck:\n  windows: true\n",
      2,
    ],
  ].map(([name, text, line]) => ({
    ...file(`${name}/.sops.yaml`, String(text).replaceAll("KEY", alice.recipient), `SM205:${line}`),
    beside: { [`${name}/one.yaml`]: sealed.yaml },
  })),
  // SM301: private keys
  file("open/keys.txt", `# mine\n${bob.identity}\n`, "SM301:2"),
  file("open/key.yaml", `a: 1\nkey: "${bob.identity}"\n`, "SM301:2"),
  file("open/pgp.asc", pgpBlock, "SM301:1"),
  file("open/id_ed25519", sshBlock, "SM301:1"),
  file("open/keys.json", JSON.stringify({ key: sshBlock }), "SM301:1"),
  // SM302: copies in clear
  ...[
    "app.dec.yaml",
    "app.yaml.dec",
    "app.yaml~",
    "app.yaml.bak",
    "app.yaml.orig",
    ".app.yaml.swp",
  ].map((name, index) => ({
    ...file(`open/twin${index}/${name}`, `password: ${planted}\n`, "SM302:1"),
    beside: { [`open/twin${index}/app.yaml`]: sealed.yaml },
  })),
  {
    ...file("open/twin/x.yaml", `db:\n  password: ${planted}\n`, "SM302:1"),
    beside: { "open/twin/x.enc.yaml": sealed.yaml },
  },
  // SM303: stale layout markers
  file(
    "enc/layout-moved.yaml",
    changed(kept, markers, "") + (markers.exec(kept)?.[0] ?? ""),
    `SM303:${changed(kept, markers, "").split("\n").length}`,
  ),
  file(
    "enc/layout-gone.yaml",
    changed(kept, /^hex: .*\n/m, ""),
    `SM303:${lineOf(kept, marker) - 1}`,
  ),
  // SM401: Kubernetes
  file("open/secret.yaml", `${secretManifest}stringData:\n  password: ${planted}\n`, "SM401:6"),
  file("open/data.yaml", `${secretManifest}data:\n  password: aHVudGVyMi1wbGFudGVk\n`, "SM401:6"),
  file(
    "open/secret.json",
    '{\n"apiVersion": "v1",\n"kind": "Secret",\n"metadata": {"name": "x"},\n"data": {"a": "aHVudGVyMi1wbGFudGVk"}}\n',
    "SM401:5",
  ),
  // SM402, SM403: Flux
  {
    ...file("flux/plain.yaml", fluxOf("none", "./flux-none"), "SM402:1"),
    beside: { "flux-none/one.yaml": sealed.yaml, "flux-none/two.yaml": sealed.yaml },
  },
  {
    ...file(
      "flux/two.yaml",
      `${fluxOf("good", "flux-good", decryption)}---\n${fluxOf("list", "flux-list/over/")}`,
      "SM402:9",
    ),
    beside: {
      "flux-good/one.yaml": sealed.yaml,
      "flux-list/over/kustomization.yaml": "resources: [../base]\n",
      "flux-list/base/kustomization.yml":
        "secretGenerator:\n  - name: s\n    envs: [v.env]\n    files: [k=used.yaml]\n",
      "flux-list/base/used.yaml": sealed.yaml,
      "flux-list/base/unused.yaml": sealed.yaml,
    },
  },
  {
    ...file("flux-named/one.yaml", sealed.yaml, "SM403:1"),
    beside: {
      "flux/named.yaml": fluxOf("named", "flux-named", decryption, bob.recipient),
    },
  },
  {
    ...file("flux-odd/one.yaml", sealed.yaml, "SM403:1"),
    beside: {
      "flux/odd.yaml": fluxOf("odd", "flux-odd", decryption),
      "flux-odd/two.yaml": forBob,
      "flux-odd/three.yaml": forBob,
    },
  },
];

/** Files that look like some of these and are fine. */
export const fine: Readonly<Record<string, string>> = {
  "flux/fine.yaml": fluxOf("fine", "./flux-fine", decryption, alice.recipient),
  "flux-fine/one.yaml": sealed.yaml,
  "flux/elsewhere.yaml": fluxOf("elsewhere", "../other") + "---\n- no map\n",
  "flux/listed.yaml": fluxOf("listed", "flux-listed"),
  "flux-listed/kustomization.yaml": "resources: [none.yaml]\n",
  "flux-listed/unlisted.yaml": sealed.yaml,
  "README.md":
    "# sops\n\nsops:\n  mac: none\n\nAGE-SECRET-KEY-1… goes into a file of its own.\n-----BEGIN PGP PRIVATE KEY BLOCK----- begins one.\n",
  "open/values.yaml": "sops:\n  enabled: true\nmac: 1\n",
  "open/template.yaml": `${secretManifest}stringData:\n  password: "{{ .Values.password }}"\n`,
  "open/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n",
  "open/docs.md":
    "```yaml\npassword: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\nsops:\n```\n",
  "open/beside/y.enc.yaml": sealed.yaml,
  "open/beside/y.yaml": "replicas: 2\n",
  "keys-only/none.yaml": "plain: 1\n",
  "enc/empty.yaml": "",
  "enc/good.yaml": sealed.yaml,
  "enc/kept.yaml": kept,
  "enc/good.json": sealed.json,
  "enc/good.env": sealed.dotenv,
  "enc/good.ini": sealed.ini,
  "enc/good.bin": sealed.binary,
};

/** The configuration that governs the corpus. */
export const configuration = `creation_rules:
  - path_regex: ^enc/
    age: ${alice.recipient}
  - path_regex: ^keys-only/
    encrypted_regex: ^password$
    age: ${alice.recipient}
`;
