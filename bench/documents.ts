import { closeSync, openSync, writeSync } from "node:fs";

interface Service {
  name: string;
  url: string;
  password: string;
  port: number;
  weight: number;
  enabled: boolean;
  hosts: string[];
}

/** Leaves in one service. */
const leavesEach = 10;

// Made from its position, so that every run measures the same text.
function service(index: number): Service {
  const word = ((index * 2_654_435_761) % 2 ** 32).toString(36);
  return {
    name: `service ${index}`,
    url: `https://${word}.internal.example/v1?tenant=${index}`,
    password: `${word}-${word}-${word}-${word}`,
    port: 1024 + (index % 60_000),
    weight: (index % 997) + 0.25,
    enabled: index % 3 === 0,
    hosts: [`a${index}.example`, `b${index}.example`, `c${index}.example`, `d${index}.example`],
  };
}

function services(leaves: number): Record<string, Service> {
  const count = leaves / leavesEach;
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`service_${index}`, service(index)]),
  );
}

export function jsonDocument(leaves: number): string {
  return `${JSON.stringify(services(leaves), null, "\t")}\n`;
}

/** The same data in the block style that both programs write. */
export function yamlDocument(leaves: number): string {
  return Object.entries(services(leaves))
    .map(([key, { hosts, ...scalars }]) =>
      [
        `${key}:`,
        ...Object.entries(scalars).map(([name, value]) => `    ${name}: ${String(value)}`),
        "    hosts:",
        ...hosts.map((host) => `        - ${host}`),
        "",
      ].join("\n"),
    )
    .join("");
}

/** The same data as a person writes it: comments, quotes, blank lines, lists on one line. */
export function ownYamlDocument(leaves: number): string {
  return Object.entries(services(leaves))
    .map(([key, { name, url, password, port, weight, enabled, hosts }]) =>
      [
        `# what ${name} needs`,
        `${key}:`,
        `  name: '${name}'`,
        `  url: "${url}"  # internal`,
        "",
        `  password: ${password}`,
        `  port: ${port}`,
        `  weight: ${weight}0`,
        `  enabled: ${String(enabled)}`,
        `  hosts: [${hosts.slice(0, 2).join(", ")},`,
        `    "${hosts[2] ?? ""}", '${hosts[3] ?? ""}']`,
        "",
        "",
      ].join("\n"),
    )
    .join("");
}

export const smallYaml = `database:
    host: db.example
    port: 5432
    user: shop
    password: correct horse battery staple
debug: false
`;

/** A file of `mebibytes` that does not compress and holds every byte. */
export function writeBinary(path: string, mebibytes: number): void {
  const block = new Uint32Array(2 ** 18);
  let state = 1;
  const file = openSync(path, "w");
  try {
    for (let written = 0; written < mebibytes; written++) {
      for (let at = 0; at < block.length; at++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        block[at] = state;
      }
      writeSync(file, new Uint8Array(block.buffer));
    }
  } finally {
    closeSync(file);
  }
}
