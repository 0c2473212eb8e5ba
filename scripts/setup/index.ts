import { age } from "./age.ts";
import { agePlugins } from "./age-plugins.ts";
import { attributes } from "./attributes.ts";
import { examplePackages } from "./example-packages.ts";
import { gpg } from "./gpg.ts";
import { kubeYaml } from "./kube-yaml.ts";
import { lua } from "./lua.ts";
import { moto } from "./moto.ts";
import { nodes } from "./nodes.ts";
import { openssh } from "./openssh.ts";
import { openssl } from "./openssl.ts";
import { postgres } from "./postgres.ts";
import { preCommit } from "./pre-commit.ts";
import { sarif } from "./sarif.ts";
import { shells } from "./shells.ts";
import { sops311 } from "./sops-311.ts";
import { sops } from "./sops.ts";
import { strace } from "./strace.ts";
import { terraform } from "./terraform.ts";
import { workflows } from "./workflows.ts";

/** Every program that tests and benchmarks compare with. A new one is a file of this folder and a line here. */
export const counterparts = [
  sops,
  sops311,
  age,
  agePlugins,
  attributes,
  examplePackages,
  gpg,
  kubeYaml,
  lua,
  moto,
  nodes,
  openssh,
  openssl,
  postgres,
  preCommit,
  sarif,
  shells,
  strace,
  terraform,
  workflows,
] as const;

export type CounterpartName = (typeof counterparts)[number]["names"][number];
