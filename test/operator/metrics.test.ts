import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { families, Metrics, type MetricName } from "../../src/operator/metrics.ts";

const samples = (metrics: Metrics, name: string): string[] =>
  metrics
    .text()
    .split("\n")
    .filter((line) => line.startsWith(name));

test("every metric has its help and its type above its samples", () => {
  const metrics = new Metrics();
  for (const name of Object.keys(families) as MetricName[])
    if (families[name].type === "histogram") metrics.observe(name, 0.2);
    else metrics.set(name, 1);
  const lines = metrics.text().trimEnd().split("\n");
  for (const [name, { type, help }] of Object.entries(families)) {
    const at = lines.indexOf(`# HELP ${name} ${help}`);
    expect(at, name).toBeGreaterThanOrEqual(0);
    expect(lines[at + 1]).toBe(`# TYPE ${name} ${type}`);
    expect(lines[at + 2]?.startsWith(name)).toBe(true);
  }
  expect(lines.filter((line) => line.startsWith("# TYPE"))).toHaveLength(
    Object.keys(families).length,
  );
});

test("a histogram counts each duration in its bucket and in all larger ones", () => {
  const metrics = new Metrics();
  const name = "controller_runtime_reconcile_time_seconds";
  const labels = { controller: "sopssecret" };
  for (const seconds of [0.004, 0.005, 0.3, 7, 100]) metrics.observe(name, seconds, labels);
  const lines = samples(metrics, name);
  expect(lines).toContain(`${name}_bucket{controller="sopssecret",le="0.005"} 2`);
  expect(lines).toContain(`${name}_bucket{controller="sopssecret",le="0.3"} 3`);
  expect(lines).toContain(`${name}_bucket{controller="sopssecret",le="60"} 4`);
  expect(lines).toContain(`${name}_bucket{controller="sopssecret",le="+Inf"} 5`);
  expect(lines).toContain(`${name}_count{controller="sopssecret"} 5`);
  expect(lines).toContain(`${name}_sum{controller="sopssecret"} 107.309`);
});

test("what is computed anew leaves no old label behind, and label values are escaped", () => {
  const metrics = new Metrics();
  metrics.set("sopsmith_object_failed", 1, { name: 'a"b\\c\nd' });
  expect(samples(metrics, "sopsmith_object_failed")).toEqual([
    String.raw`sopsmith_object_failed{name="a\"b\\c\nd"} 1`,
  ]);
  metrics.clear("sopsmith_object_failed");
  expect(samples(metrics, "sopsmith_object_failed")).toEqual([]);
});

test("alerts and dashboard of the chart use metrics that exist", () => {
  const folder = join(import.meta.dirname, "../../deploy/chart/files");
  const text = ["alerts.yaml", "dashboard.json"]
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
  const used = text.match(
    /\b(?:sopsmith|sopssecrets|controller_runtime|workqueue|leader_election|rest_client|process)_[a-z_]+/g,
  );
  expect(used?.length).toBeGreaterThan(10);
  for (const name of used ?? [])
    expect(Object.keys(families), name).toContain(name.replace(/_(?:bucket|sum|count)$/, ""));
});
