import { fingerprints } from "../fingerprint.ts";
import { keyPath } from "../key-path.ts";
import { PROJECT_URI } from "../../project-uri.ts";
import { helpUri } from "../help-uri.ts";
import type { Finding } from "../rule.ts";
import { rules } from "../rules/index.ts";
import type { Report } from "./report.ts";

/** SARIF 2.1.0, as code scanning services take it. */
export const sarifReport: Report = ({ findings, version }) => {
  const log = {
    $schema:
      "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "sopsmith",
            version,
            semanticVersion: version,
            informationUri: PROJECT_URI,
            rules: rules.map(({ id, name, severity, finds, why, fix }) => ({
              id,
              name: pascalCase(name),
              shortDescription: { text: sentence(finds) },
              fullDescription: { text: why.join("\n\n") },
              help: { text: fix },
              helpUri: helpUri(id),
              defaultConfiguration: { level: severity },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: resultsOf(findings),
      },
    ],
  };
  return [`${JSON.stringify(log, null, 2)}\n`];
};

function resultsOf(findings: readonly Finding[]): unknown[] {
  const prints = fingerprints(findings);
  return findings.map((finding, index) => {
    const { rule, severity, message, file, line, column, path, commit } = finding;
    return {
      ruleId: rule,
      ruleIndex: rules.findIndex(({ id }) => id === rule),
      level: severity,
      message: { text: sentence(message) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: fileUri(file) },
            region: { startLine: line, startColumn: column },
          },
          ...(path === undefined
            ? {}
            : { logicalLocations: [{ fullyQualifiedName: keyPath(path), kind: "member" }] }),
        },
      ],
      partialFingerprints: { "sopsmith/v1": prints[index] },
      ...(commit === undefined ? {} : { properties: { commit } }),
    };
  });
}

/** A relative reference: each part of the path escaped. */
const fileUri = (file: string): string =>
  file
    .replaceAll("\\", "/")
    .split("/")
    .map((part) => encodeURIComponent(part.toWellFormed()))
    .join("/");

const sentence = (text: string): string => {
  const well = text.toWellFormed();
  return `${well.charAt(0).toUpperCase()}${well.slice(1)}${well.endsWith(".") ? "" : "."}`;
};

const pascalCase = (name: string): string =>
  name
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
