import { describe, expect, test } from "vitest";
import { convert, type ConvertOptions } from "../../src/terraform/convert.ts";
import { reverse } from "../../src/terraform/reverse.ts";
import { defaults, readByTerraform } from "./values.ts";

function run(source: string, options: Partial<ConvertOptions> = {}, sourceFile = "s.yaml") {
  const notes: string[] = [];
  const converted = convert(
    [{ file: "s.yaml", sourceFile, content: Buffer.from(source) }],
    { ...defaults, ...options },
    (message) => notes.push(message),
  );
  return { text: converted.map(({ text }) => text).join("\n"), converted, notes };
}

const configMap = (name: string, rest = "") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${rest}`;

test("numbers that are a negative zero are printed as tfk8s prints them", () => {
  const { text } = run(configMap("a", "v: [-0, -0.0, 0.0, -0e0]\n"), { mapOnly: true });
  expect(text).toContain("[\n    0,\n    -0,\n    0,\n    -0,\n  ]");
});

describe("labels", () => {
  test.each([
    [configMap("shop.Settings"), "configmap_shop_settings"],
    ["kind: A\nmetadata: {name: b, namespace: c-d}\n", "a_c_d_b"],
    ["kind: A\nmetadata: {name: b, namespace: default}\n", "a_b"],
    ["kind: A\nmetadata: {name: b, namespace: null}\n", "a_b"],
    ["kind: A\nmetadata: {generateName: b-}\n", "a_b"],
    ["kind: A\nmetadata: {generateName: ''}\n", "a_"],
    ["kind: 3D\nmetadata: {name: é😀}\n", "_3d___"],
  ])("%j", (source, label) => {
    expect(run(source).converted[0]?.label).toBe(label);
  });

  test("clashes are numbered across all files, and reported", () => {
    const names = ["a", "a", "a-2"].map((name) => configMap(name));
    const { converted, notes } = run(names.join("---\n"));
    expect(converted.map(({ label }) => label)).toEqual([
      "configmap_a",
      "configmap_a_2",
      "configmap_a_2_2",
    ]);
    expect(notes).toEqual([
      "s.yaml:6: document 2: note: the name configmap_a is taken; using configmap_a_2",
      "s.yaml:11: document 3: note: the name configmap_a_2 is taken; using configmap_a_2_2",
    ]);
  });
});

describe("lists", () => {
  test("are replaced by their items, nested ones too, which inherit their type", () => {
    const source =
      "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- {kind: List, items: [{kind: B, metadata: {name: b}}]}\n";
    const { text } = run(source);
    expect(text).toContain('resource "kubernetes_manifest" "configmap_a" {');
    expect(text).toContain('"kind" = "ConfigMap"');
    expect(text).toContain('resource "kubernetes_manifest" "b_b" {');
  });

  test("a kind that only ends in List is a resource", () => {
    expect(run("kind: DenyList\nmetadata: {name: a}\n").text).toContain('"denylist_a"');
  });
});

describe("refusals name the place and what to do", () => {
  test.each([
    ["- a\n", "s.yaml:1: document 1: a manifest must be a map, but this document is a list"],
    ["a: 1\n", "s.yaml:1: document 1: kind is missing"],
    ["kind: 1\n", 's.yaml:1: document 1: kind is the number 1, not text: quote it: "1"'],
    ["kind: A\n", "s.yaml:1: document 1: metadata is missing"],
    ['apiVersion: v1\nkind: ""\n', "s.yaml:2: document 1: kind is empty"],
    [
      configMap("a", "binaryData: {k: !!binary /w==}\n"),
      "s.yaml:5: document 1: this !!binary value is not UTF-8, and Kubernetes would silently replace its bytes: put it as base64 text into binaryData, or into data of a Secret",
    ],
    [
      "kind: A\nmetadata:\n  name: on\n",
      's.yaml:3: document 1: metadata.name is the boolean true, not text: YAML 1.1 reads on, yes, y, no, n and off as booleans; quote it: "on"',
    ],
    [
      "kind: A\nmetadata:\n  name: 123\n",
      's.yaml:3: document 1: metadata.name is the number 123, not text: quote it: "123"',
    ],
    [
      "kind: ENC[AES256_GCM,data:x]\nmetadata: {}\n",
      "s.yaml:1: document 1: kind is encrypted: Terraform and Kubernetes need it unencrypted; encrypt with --encrypted-suffix Templates (SopsSecret) or --encrypted-regex '^(data|stringData)$'",
    ],
    [
      configMap("a", "data:\n  title: cafe\u0301\n"),
      "s.yaml:6: document 1: data.title: Terraform would change this text (it is not in Unicode NFC, at character 4); put it into binaryData, or into data of a Secret, as base64",
    ],
    [
      configMap("a", "spec: {max: .inf}\n"),
      "s.yaml:5: document 1: spec.max: .inf has no JSON form",
    ],
  ])("%j", (source, message) => {
    expect(() => run(source)).toThrow(message);
  });

  test("--lossy-unicode changes such text and says so, but never keys", () => {
    const { text, notes } = run(configMap("a", "data: {t: cafe\u0301}\n"), { lossyUnicode: true });
    expect(text).toContain('"t" = "café"');
    expect(notes.join()).toContain("data.t was converted to Unicode NFC");
    expect(() => run(configMap("a", "data: {cafe\u0301: x}\n"), { lossyUnicode: true })).toThrow(
      "would change this key",
    );
  });
});

describe("--strip", () => {
  const source = configMap(
    "a",
    "  namespace: default\n  uid: u\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{}'\nspec:\n  finalizers: [x]\n  template: {metadata: {uid: stays}}\nstatus: {a: 1}\n",
  );

  test("drops what the server adds, at the top level only", () => {
    const { text, notes } = run(source, { strip: true, mapOnly: true });
    expect(text).not.toMatch(/last-applied|namespace|finalizers|status|"u"/);
    expect(text).toContain('"uid" = "stays"');
    expect(notes.join()).toContain("use --keep-namespace or --namespace");
  });

  test("--keep-namespace and --namespace leave namespaced objects one", () => {
    const kept = run(source, { strip: true, keepNamespace: true });
    expect(kept.text).toContain('"namespace" = "default"');
    expect(kept.notes).toEqual([]);
    expect(run(configMap("a"), { namespace: "shop" }).text).toContain('"namespace" = "shop"');
    expect(run(source, { namespace: "shop" }).text).toContain('"namespace" = "default"');
  });

  test("--namespace leaves kinds without a namespace alone", () => {
    const named = (apiVersion: string, kind: string) =>
      run(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`, {
        namespace: "shop",
      }).text.includes(`"namespace" = "shop"`);
    expect(named("v1", "Namespace")).toBe(false);
    expect(named("rbac.authorization.k8s.io/v1", "ClusterRole")).toBe(false);
    expect(named("cert-manager.io/v1", "ClusterIssuer")).toBe(false);
    expect(named("constraints.gatekeeper.sh/v1beta1", "K8sRequiredLabels")).toBe(false);
    expect(named("rbac.authorization.k8s.io/v1", "Role")).toBe(true);
    // Another group's kind of the same name, and a kind that nothing knows.
    expect(named("example.com/v1", "ClusterRole")).toBe(true);
    expect(named("cluster.x-k8s.io/v1beta1", "Cluster")).toBe(true);
  });

  test("--import names the namespace that --namespace gives, and the one that --strip drops", () => {
    const id = (source: string, options: Partial<ConvertOptions>) =>
      /id = "(.*)"/.exec(run(source, { import: true, ...options }).text)?.[1];
    const given = "apiVersion=v1,kind=ConfigMap,namespace=shop,name=a";
    expect(id(configMap("a"), { namespace: "shop" })).toBe(given);
    expect(id(configMap("a"), {})).toBe("apiVersion=v1,kind=ConfigMap,name=a");
    const inDefault = configMap("a", "  namespace: default\n");
    expect(id(inDefault, { strip: true })).toBe(given.replace("shop", "default"));
    expect(id(inDefault, { strip: true, namespace: "shop" })).toBe(given);
    expect(id("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", { namespace: "shop" })).toBe(
      "apiVersion=v1,kind=Node,name=a",
    );
  });

  test("--namespace obeys the scope of a CustomResourceDefinition in the input, wherever it is", () => {
    const crd = (scope: string) =>
      `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nspec: {group: example.com, scope: ${scope}, names: {kind: Widget}}\n`;
    const widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n";
    const count = (...documents: string[]) =>
      run(documents.join("---\n"), { namespace: "shop" }).text.match(/"namespace"/g)?.length ?? 0;
    expect(count(widget, crd("Cluster"))).toBe(0);
    expect(count(crd("Namespaced"), widget)).toBe(1);
    expect(count(widget)).toBe(1);
    const issuer = "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: a}\n";
    const own = crd("Namespaced")
      .replace("example.com", "cert-manager.io")
      .replace("Widget", "ClusterIssuer");
    expect(count(issuer, own)).toBe(1);
  });
});

describe("pruning", () => {
  const source = configMap(
    "a",
    "  labels: {}\nspec:\n  a: null\n  b: []\n  c: {}\n  d: [null, {e: ~}]\n",
  );
  test.each([
    [{ pruneNulls: true }, ["labels", "b", "c", "d"], ["a", "e"]],
    [{ pruneEmpty: true }, ["a", "c", "d", "e"], ["labels", "b"]],
  ])("%j", (options, kept, dropped) => {
    const { text } = run(source, { ...options, mapOnly: true });
    for (const key of kept) expect(text).toContain(`"${key}" =`);
    for (const key of dropped) expect(text).not.toContain(`"${key}" =`);
  });
});

describe("arguments of kubernetes_manifest", () => {
  test("come after the manifest", () => {
    const { text } = run(configMap("a"), {
      provider: "kubernetes.eu",
      import: true,
      arguments: {
        computedFields: ["spec.x"],
        fieldManager: "ci",
        forceConflicts: true,
        wait: ["fields.status.phase=Running", 'fields.a["b"]=^.*$'],
        timeouts: ["create=10m", "delete=5s"],
      },
    });
    expect(text).toBe(`import {
  to = kubernetes_manifest.configmap_a
  id = "apiVersion=v1,kind=ConfigMap,name=a"
}

resource "kubernetes_manifest" "configmap_a" {
  provider = kubernetes.eu

  manifest = {
    "apiVersion" = "v1"
    "kind" = "ConfigMap"
    "metadata" = {
      "name" = "a"
    }
  }

  computed_fields = ["metadata.annotations", "metadata.labels", "spec.x"]

  field_manager {
    name = "ci"
    force_conflicts = true
  }

  wait {
    fields = {
      "status.phase" = "Running"
      "a[\\"b\\"]" = "^.*$"
    }
  }

  timeouts {
    create = "10m"
    delete = "5s"
  }
}
`);
    expect(reverse(text, "x.tf")).toBe(configMap("a"));
  });

  test.each([
    ["rollout", "    rollout = true\n"],
    ["condition=Ready", '    condition {\n      type = "Ready"\n      status = "True"\n    }\n'],
  ])("--wait %s", (wait, expected) => {
    const { text } = run(configMap("a"), { arguments: { ...defaults.arguments, wait: [wait] } });
    expect(text).toContain(`  wait {\n${expected}  }\n`);
  });

  test("the import id of a namespaced object is that from before --strip", () => {
    const source = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default}\n";
    expect(run(source, { strip: true, import: true }).text).toContain(
      'id = "apiVersion=v1,kind=Pod,namespace=default,name=a"',
    );
    expect(run(source, { as: "kubectl", import: true }).text).toContain(
      'to = kubectl_manifest.pod_a\n  id = "v1//Pod//a//default"',
    );
  });
});

describe("text that no heredoc holds", () => {
  const source = configMap("a", 'data: {s: "a\\nb", t: "x ${y} %{z}\\n"}\n');

  test("is one quoted line", () => {
    expect(run(source).text).toContain('"s" = "a\\nb"\n      "t" = "x $${y} %%{z}\\n"\n');
  });

  test("or join() of its lines, which Terraform and --reverse read", () => {
    const { text } = run(source, { multiline: "join" });
    expect(text).toContain('"s" = join("\\n", [\n        "a",\n        "b",\n      ])\n');
    expect(reverse(text, "x.tf")).toContain("s: |-\n    a\n    b\n");
    const [back] = readByTerraform([/manifest = ([^]*)\n\}\n$/.exec(text)?.[1] ?? ""]);
    expect(back).toMatchObject({ data: { s: "a\nb", t: "x ${y} %{z}\n" } });
  });
});

const secret = `apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop, labels: {a: b}}
type: Opaque
data:
  bin: AP8=
  both: b2xk
  plain: aGkK
stringData:
  both: new
`;

describe("Secrets", () => {
  test("that are unencrypted get a warning, or are refused", () => {
    expect(run(secret).notes).toEqual(["warning: secret_shop_db contains unencrypted values"]);
    expect(() => run(secret, { failOnPlaintext: true })).toThrow(
      "s.yaml:1: document 1: secret_shop_db contains unencrypted values",
    );
    const plain = "kind: SopsSecret\nmetadata: {name: a}\nspec: {}\n";
    expect(run(plain).notes).toEqual(["warning: sopssecret_a contains unencrypted values"]);
  });

  test("--as secret puts text into data and the rest into binary_data, and comes back", () => {
    const { text } = run(secret, { as: "secret" });
    expect(text).toBe(`resource "kubernetes_secret_v1" "secret_shop_db" {
  metadata {
    labels = {
      "a" = "b"
    }
    name = "db"
    namespace = "shop"
  }
  type = "Opaque"
  data = {
    "both" = "new"
    "plain" = "hi\\n"
  }
  binary_data = {
    "bin" = "AP8="
  }
}
`);
    expect(reverse(text, "x.tf")).toBe(`apiVersion: v1
data:
  bin: AP8=
  both: bmV3
  plain: aGkK
kind: Secret
metadata:
  labels:
    a: b
  name: db
  namespace: shop
type: Opaque
`);
  });

  test("with bad base64 are refused without showing it", () => {
    const bad = secret.replace("AP8=", "hunter2!");
    expect(() => run(bad, { as: "secret" })).toThrow("data.bin is not base64");
    expect(() => run(bad, { as: "secret" })).not.toThrow(/hunter2/);
  });

  const sealed = `${secret.replace("AP8=", "ENC[AES256_GCM,data:x]")}sops: {mac: "ENC[AES256_GCM,data:m]"}\n`;

  test("that sops encrypted get a warning: a cluster cannot use them", () => {
    expect(run(sealed).notes.join()).toContain("which no cluster can use");
  });

  test("that sops encrypted can be read when Terraform runs", () => {
    const { text, notes } = run(sealed, { secrets: "data" });
    expect(notes).toEqual([]);
    expect(text).toContain('data "sops_file" "secret_shop_db" {\n  source_file = "s.yaml"\n}\n');
    expect(text).toContain(
      '    "bin" = base64decode(yamldecode(data.sops_file.secret_shop_db.raw)["data"]["bin"])\n',
    );
    expect(text).toContain(
      '    "both" = yamldecode(data.sops_file.secret_shop_db.raw)["stringData"]["both"]\n',
    );
    expect(text.match(/"both" =/g)).toHaveLength(1);
    expect(text).not.toContain("ENC[");
  });

  test("or stay out of the state, with a revision that follows the MAC", () => {
    const revision = (source: string) =>
      Number(
        /data_wo_revision = (\d+)/.exec(run(source, { secrets: "ephemeral" }).text)?.[1] ?? "0",
      );
    expect(revision(sealed)).toBeGreaterThan(0);
    expect(revision(sealed)).toBe(revision(sealed));
    expect(revision(sealed)).not.toBe(revision(sealed.replace("data:m", "data:n")));
    expect(run(sealed, { secrets: "ephemeral" }).text).toContain(
      'ephemeral "sops_file" "secret_shop_db" {',
    );
    expect(() => reverse(run(sealed, { secrets: "ephemeral" }).text, "x.tf")).toThrow(
      "x.tf:1: ephemeral sops_file contains no Kubernetes manifest",
    );
  });
});

describe("SopsSecrets", () => {
  const sealed = (order: string, only: boolean) =>
    `kind: SopsSecret\napiVersion: v1\nmetadata: {namespace: b, name: a}\nspec: ${order.replaceAll(/\d/g, '"ENC[AES256_GCM,data:$&]"')}\nsops: {mac: x, mac_only_encrypted: ${only}}\n`;

  test("whose MAC sops cannot verify in the cluster get a note that says what the operator can do", () => {
    const note =
      "s.yaml:1: document 1: note: sops cannot verify the MAC of sopssecret_b_a in the cluster, where keys are sorted, and sopsmith's operator can only if it finds the order of the keys in the file in 20,000 tries; after sopsmith k8s fix, both always can";
    expect(run(sealed("{b: 1, a: 2}", true)).notes).toEqual([note]);
    expect(run(sealed("{a: 1, b: 2}", false)).notes).toEqual([note]);
  });

  test("get none where the encrypted values alone are in order, since only they count", () => {
    expect(run(sealed("{a: 1, b: [{a: 1, b: 2}]}", true)).notes).toEqual([]);
    expect(run(sealed("{suspend: false, secretTemplates: [{a: 1, sops: 2}]}", true)).notes).toEqual(
      [],
    );
  });
});

describe("--reverse", () => {
  test("quotes a key << and a text <<, which are not merges", () => {
    const back = reverse(`{ "<<" = { "a" = "<<" } }\n`, "x.tf");
    expect(back).toBe('"<<":\n  a: "<<"\n');
    expect(run(configMap("a", `data:\n  "<<": x\n`), { as: "kubectl" }).text).toContain('"<<": x');
  });

  test("reads what others write: comments, colons, commas, jsonencode", () => {
    const source = `# top
resource "kubernetes_manifest" "x" { // one
  provider = kubernetes.eu
  depends_on = [foo.bar["}"]]
  manifest = {
    apiVersion : "v1", kind = "ConfigMap"
    /* two */ metadata = { name = "x" }
    data = { j = jsonencode({ b = [1, 2.5, null, true], a = "<é>" }), "t" = <<EOT
  kept
EOT
    }
  }
  wait { rollout = true }
}
`;
    expect(reverse(source, "x.tf")).toBe(`apiVersion: v1
data:
  j: '{"a":"\\u003cé\\u003e","b":[1,2.5,null,true]}'
  t: |2
      kept
kind: ConfigMap
metadata:
  name: x
`);
  });

  test.each([
    [
      'resource "kubernetes_manifest" "x" {\n  manifest = var.m\n}\n',
      "x.tf:2: var.m is not a literal",
    ],
    ['{\n  a = upper("hunter2")\n}\n', "x.tf:2: upper(…) is not a literal"],
    ['{\n  a = "x ${var.hunter2}"\n}\n', "x.tf:2: an expression is not a literal"],
    ["{ a = 1 + 2 }\n", "x.tf:1: "],
    ["{ for k in x : k => k }\n", "x.tf:1: for is not a literal"],
    ['{ a = "x\n" }\n', "x.tf:1: text without a closing quote"],
    ["{ a = <<EOT\nx\n", "x.tf:1: a heredoc without its end mark"],
    ['variable "x" {}\n', "x.tf:1: variable x contains no Kubernetes manifest"],
    ['resource "kubernetes_manifest" "x" {}\n', "x.tf:1: manifest is missing"],
    ["{ a = 1, a = 2 }\n", 'the key "a" appears twice'],
    [`{ a = ${"[".repeat(1100)} }\n`, "more than 1000 levels"],
    ["=\n", "x.tf:1: expected a block or a map"],
  ])("refuses %j", (source, message) => {
    const refused = () => reverse(source, "x.tf");
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/hunter2/);
  });
});
