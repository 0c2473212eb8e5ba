/** Counters, gauges and sums in Prometheus's text format; labels never name objects. */
export class Metrics {
  private readonly values = new Map<string, { type: string; samples: Map<string, number> }>();

  add(name: string, labels: Readonly<Record<string, string>> = {}, by = 1): void {
    const samples = this.samples(name, "counter");
    const key = labelText(labels);
    samples.set(key, (samples.get(key) ?? 0) + by);
  }

  set(name: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.samples(name, "gauge").set(labelText(labels), value);
  }

  /** Count and sum of a duration. */
  observe(name: string, seconds: number, labels: Readonly<Record<string, string>> = {}): void {
    this.samples(name, "summary");
    this.add(`${name}_sum`, labels, seconds);
    this.add(`${name}_count`, labels);
  }

  text(): string {
    const lines: string[] = [];
    for (const [name, { type, samples }] of [...this.values].toSorted(([a], [b]) =>
      a < b ? -1 : 1,
    )) {
      if (!/_(?:sum|count)$/.test(name)) lines.push(`# TYPE ${name} ${type}`);
      for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }

  private samples(name: string, type: string): Map<string, number> {
    let found = this.values.get(name);
    if (found === undefined) {
      found = { type, samples: new Map() };
      this.values.set(name, found);
    }
    return found.samples;
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\\n]/g, "_")}"`,
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}
