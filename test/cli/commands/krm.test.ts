import { symlinkSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { counterpart } from "../../counterparts.ts";
import { alice } from "../../keys/fake-host.ts";
import { checkRows } from "../rows.ts";
import { Sandbox, type Result } from "../sandbox.ts";
import { rows } from "./krm.rows.ts";

checkRows(rows);

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: db
type: Opaque
stringData:
  user: admin
  password: hunter2
`;

const boxes: Sandbox[] = [];
afterAll(() => boxes.forEach((box) => box.remove()));

/** A directory with files that real sops encrypted, as KSOPS's documentation says. */
function sandbox(
  files: Record<string, string | Uint8Array>,
  more: readonly string[] = [],
): Sandbox {
  const box = new Sandbox({}, { SOPS_AGE_KEY: alice.identity });
  boxes.push(box);
  for (const [name, content] of Object.entries(files)) {
    const selection = /\.ya?ml$/.test(name) ? ["--encrypted-regex", "^(data|stringData)$"] : [];
    box.write(name, content);
    const words = [...more, "encrypt", "-i", "--age", alice.recipient, ...selection, name];
    execFileSync(counterpart("sops"), words, { cwd: box.dir });
  }
  return box;
}

const list = (items: readonly unknown[], functionConfig?: unknown) =>
  stringify({
    apiVersion: "config.kubernetes.io/v1",
    kind: "ResourceList",
    items,
    ...(functionConfig === undefined ? {} : { functionConfig }),
  });
const ksops = (rest: object) => ({
  apiVersion: "viaduct.ai/v1",
  kind: "ksops",
  metadata: { name: "g" },
  ...rest,
});
const itemsOf = ({ stdout }: Result) => (parse(stdout) as { items: unknown[] }).items;
const ok = { code: 0, stderr: "" };

describe("a ksops generator", () => {
  test("becomes the resources in its files, in order, one for each document", async () => {
    const box = sandbox({
      "a.yaml": secret,
      "b.yaml": `# note\n${secret}---\n${secret.replace("name: db", "name: b2")}`,
    });
    const result = await box.run(["krm"], {
      stdin: list([ksops({ files: ["./a.yaml", "b.yaml"] })]),
    });
    expect(result).toMatchObject(ok);
    const plain = parse(secret) as { metadata: object };
    expect(itemsOf(result)).toEqual([plain, plain, { ...plain, metadata: { name: "b2" } }]);
    expect(result.stdout).not.toContain("note");
  });

  test("makes Secrets from files, binary files and variables", async () => {
    const box = sandbox({
      "c.yaml": "a: 1\ndata:\n    x: z\n",
      "v.env": "username=admin\npassword='$x'\n",
      "k.bin": "plain",
      "raw.bin": Buffer.from([0, 255, 1]),
    });
    const result = await box.run(["krm"], {
      stdin: list([
        ksops({
          secretFrom: [
            {
              metadata: { name: "s", namespace: "n", labels: { l: "1" }, annotations: { a: "2" } },
              type: "Opaque",
              files: ["c.yaml", "other=c.yaml", "raw.bin"],
              binaryFiles: ["k.bin"],
              envs: ["./v.env"],
            },
          ],
        }),
      ]),
    });
    expect(result).toMatchObject(ok);
    expect(itemsOf(result)).toEqual([
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s", namespace: "n", labels: { l: "1" }, annotations: { a: "2" } },
        type: "Opaque",
        stringData: {
          "c.yaml": "a: 1\ndata:\n    x: z\n",
          other: "a: 1\ndata:\n    x: z\n",
          password: "$x",
          username: "admin",
        },
        data: {
          "k.bin": Buffer.from("plain").toString("base64"),
          "raw.bin": Buffer.from([0, 255, 1]).toString("base64"),
        },
      },
    ]);
  });

  test("reads integers and booleans as text, and refuses what would read differently", async () => {
    const box = sandbox({ "v.env": "A=1\n" });
    const generator = (metadata: string) => {
      box.write(
        "g.yaml",
        `apiVersion: viaduct.ai/v1\nkind: ksops\nsecretFrom:\n- {envs: [v.env], metadata: ${metadata}}\n`,
      );
      return box.run(["krm", "g.yaml"]);
    };
    const result = await generator("{name: 7, labels: {a: 1, b: true, c: null, d: '1.10'}}");
    expect(result).toMatchObject(ok);
    expect(parse(result.stdout)).toMatchObject({
      metadata: { name: "7", labels: { a: "1", b: "true", c: "", d: "1.10" } },
    });
    for (const odd of ["1.10", "2024-01-01", "[x]"])
      expect(await generator(`{name: s, labels: {a: ${odd}}}`)).toMatchObject({
        code: 1,
        stdout: "",
        stderr: "ksops: metadata.labels: a must be text: quote it\n",
      });
    expect((await generator("{name: 1.5}")).stderr).toBe(
      "ksops: secretFrom[0].metadata.name must be text: quote it\n",
    );
  });

  test("in functionConfig alone adds to the items", async () => {
    const box = sandbox({ "a.yaml": secret });
    const other = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } };
    const result = await box.run(["krm"], { stdin: list([other], ksops({ files: ["a.yaml"] })) });
    expect(itemsOf(result)).toEqual([other, parse(secret)]);
    const both = ksops({ files: ["a.yaml"] });
    expect(itemsOf(await box.run(["krm"], { stdin: list([both], both) }))).toEqual([parse(secret)]);
  });

  test("reports every file that fails, with its reason, and decrypts nothing then", async () => {
    const box = sandbox({ "a.yaml": secret, "broken.yaml": secret });
    box.write(
      "broken.yaml",
      box
        .read("broken.yaml")
        .replace("admin", "x")
        .replace(/user: ENC\[\S+/, "user: plain"),
    );
    box.write("open.yaml", secret);
    const config = ksops({
      files: ["a.yaml", "broken.yaml", "open.yaml", "missing.yaml", "/etc/passwd"],
      secretFrom: [{ metadata: { name: "s" }, envs: ["missing.env"] }],
    });
    const result = await box.run(["krm"], { stdin: list([config]) });
    expect(result.code).toBe(1);
    const { items, results } = parse(result.stdout) as {
      items: unknown[];
      results: {
        message: string;
        severity: string;
        file: object;
        field: object;
        resourceRef: object;
      }[];
    };
    expect(items).toEqual([config]);
    expect(result.stdout).not.toContain("hunter2");
    expect(results.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^broken\.yaml: /),
      expect.stringMatching(/^open\.yaml: the file is not encrypted, or its format /),
      expect.stringMatching(/^missing\.yaml: there is no such file/),
      expect.stringMatching(/^\/etc\/passwd: the file is outside the kustomization's directory/),
      expect.stringMatching(/^missing\.env: there is no such file/),
    ]);
    expect(results[2]).toMatchObject({
      severity: "error",
      file: { path: "missing.yaml" },
      field: { path: "files[3]" },
      resourceRef: { apiVersion: "viaduct.ai/v1", kind: "ksops", name: "g" },
    });
    expect(results[4]).toMatchObject({ field: { path: "secretFrom[0].envs[0]" } });
    expect(result.stderr.trimEnd().split("\n")).toEqual(results.map(({ message }) => message));
  });

  test("follows no link out of the directory, unless kustomize's restriction is lifted", async () => {
    const box = sandbox({ "a.yaml": secret });
    const other = sandbox({});
    symlinkSync(box.path("a.yaml"), other.path("link.yaml"));
    const stdin = list([ksops({ files: ["link.yaml"] })]);
    const refused = await other.run(["krm"], { stdin });
    expect(refused.stderr).toMatch(/^link\.yaml: the file is outside the /);
    const env = { SOPSMITH_KRM_LOAD_RESTRICTOR: "LoadRestrictionsNone" };
    expect(itemsOf(await other.run(["krm"], { stdin, env }))).toEqual([parse(secret)]);
  });

  test.each([
    [{}, "ksops g: it has neither files nor secretFrom, so there is nothing to generate"],
    [{ files: "a.yaml" }, "ksops g: files must be a list of file names"],
    [{ files: [1] }, "ksops g: files[0] must be the name of a file"],
    [{ files: [""] }, "ksops g: files[0] must be the name of a file"],
    [
      { kind: "Secrets" },
      "Secrets g: it has neither files nor secretFrom, so there is nothing to generate",
    ],
    [{ secretFrom: [1] }, "ksops g: secretFrom[0] must be a map"],
    [{ secretFrom: [{ type: "x" }] }, "ksops g: secretFrom[0].metadata.name is missing"],
  ])("that says %j is refused", async (rest, message) => {
    const result = await sandbox({}).run(["krm"], { stdin: list([ksops(rest)]) });
    expect(result).toMatchObject({ code: 1, stderr: `${message}\n` });
  });

  test("warns about fields that have no effect", async () => {
    const box = sandbox({ "a.yaml": secret });
    const result = await box.run(["krm"], {
      stdin: list([ksops({ files: ["a.yaml"], fiels: ["b.yaml"] })]),
    });
    expect(result).toMatchObject({
      code: 0,
      stderr: "WARN: ksops g: fiels is unknown, and has no effect\n",
    });
    expect(parse(result.stdout)).toMatchObject({ results: [{ severity: "warning" }] });
  });
});

test("a SopsSecretGenerator becomes a Secret with the annotations that kustomize wants", async () => {
  const box = sandbox({
    "v.env": "A=x=y\n# note\nB='kept'\n",
    "v.yaml": "n: 5432\nt: text\nb: true\n",
    "v.json": '{"j": "é"}',
    "f.txt": "file\n",
  });
  const config = {
    apiVersion: "goabout.com/v1beta1",
    kind: "SopsSecretGenerator",
    metadata: {
      name: "g",
      labels: { l: "1" },
      annotations: { "config.kubernetes.io/local-config": "true", mine: "2" },
    },
    behavior: "merge",
    envs: ["v.env", "v.yaml", "v.json"],
    files: ["f.txt", "k=f.txt"],
    type: "Oblique",
  };
  const result = await box.run(["krm"], { stdin: list([config]) });
  expect(result).toMatchObject(ok);
  const values = { A: "x=y", B: "'kept'", n: "5432", t: "text", b: "true", j: "é" };
  expect(itemsOf(result)).toEqual([
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "g",
        labels: { l: "1" },
        annotations: {
          mine: "2",
          "kustomize.config.k8s.io/needs-hash": "true",
          "kustomize.config.k8s.io/behavior": "merge",
        },
      },
      type: "Oblique",
      data: Object.fromEntries(
        Object.entries({ ...values, "f.txt": "file\n", k: "file\n" }).map(([key, value]) => [
          key,
          Buffer.from(value).toString("base64"),
        ]),
      ),
    },
  ]);
  const wrong = { ...config, apiVersion: "goabout.com/v2" };
  expect((await box.run(["krm"], { stdin: list([wrong]) })).stderr).toMatch(
    /^SopsSecretGenerator g: there is no SopsSecretGenerator of goabout\.com\/v2: write goabout\.com\/v1beta1\n$/,
  );
});

describe("a transformer", () => {
  /** As kustomize hands a resource on: keys sorted, annotations added. */
  function sorted(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
  }
  interface Item {
    metadata: { name: string; annotations?: object };
    [key: string]: unknown;
  }
  const handed = (text: string): Item => {
    const item = parse(text) as Item;
    const annotations = { ...item.metadata.annotations, "config.kubernetes.io/index": "0" };
    return sorted({
      ...item,
      metadata: { ...item.metadata, annotations, namespace: "shop" },
    }) as Item;
  };

  test.each([
    ["the default MAC", secret, []],
    ["mac_only_encrypted", secret, ["--mac-only-encrypted"]],
    [
      "labels, binary data and a hand-made order",
      secret
        .replace("type: Opaque", "data: {z: enc=, a: YQ==}\nimmutable: true\ntype: Opaque")
        .replace("name: db", "labels: {b: c}\n  name: db"),
      [],
    ],
  ])("decrypts what sops encrypted, and checks %s", async (_, text, more) => {
    const box = sandbox({ "a.yaml": text }, more);
    const other = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c" },
      data: { a: "ENC[x]" },
    };
    const item = handed(box.read("a.yaml"));
    const result = await box.run(["krm"], { stdin: list([other, item]) });
    expect(result).toMatchObject(ok);
    expect(itemsOf(result)).toEqual([other, handed(text)]);

    const values = item["stringData"] as Record<string, string>;
    const cut = { ...item, stringData: { user: values["user"] } };
    const changed = await box.run(["krm"], { stdin: list([cut]) });
    expect(changed).toMatchObject({ code: 1 });
    expect(changed.stderr).toMatch(
      /^Secret shop\/db: MAC mismatch: .*List the file under files in /,
    );
    expect(changed.stdout).not.toContain("admin");
    expect((await box.run(["krm", "--ignore-mac"], { stdin: list([cut]) })).code).toBe(0);
  });

  test("leaves SopsSecrets to the operator", async () => {
    const box = sandbox({ "a.yaml": secret });
    const item = {
      ...(parse(box.read("a.yaml")) as object),
      apiVersion: "isindir.github.com/v1alpha3",
      kind: "SopsSecret",
    };
    expect(itemsOf(await box.run(["krm"], { stdin: list([item]) }))).toEqual([item]);
  });

  test("names the resource whose key is missing", async () => {
    const box = sandbox({ "a.yaml": secret });
    const result = await box.run(["krm"], {
      stdin: list([handed(box.read("a.yaml"))]),
      env: { SOPS_AGE_KEY: "" },
    });
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toMatch(/^Secret shop\/db: [^\n]+\n$/);
  });
});

test("under the name ksops, sopsmith is the exec plugin that takes a file", async () => {
  const box = sandbox({ "a.yaml": secret });
  symlinkSync(Sandbox.program, box.path("ksops"));
  box.write("g.yaml", stringify(ksops({ files: ["a.yaml"] })));
  const stdout = execFileSync(process.execPath, [box.path("ksops"), "g.yaml"], {
    cwd: box.dir,
    env: { ...box.env },
    encoding: "utf8",
  });
  expect(parseAllDocuments(stdout).map((one) => one.toJS() as unknown)).toEqual([parse(secret)]);
});
