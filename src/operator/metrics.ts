type Labels = Readonly<Record<string, string>>;

export type MetricName =
  | "sopssecrets_reconcilation_successes_total"
  | "sopssecrets_reconcilation_failures_total"
  | "sopssecrets_reconcilation_suspends_total"
  | "controller_runtime_reconcile_total"
  | "controller_runtime_reconcile_errors_total"
  | "controller_runtime_reconcile_time_seconds"
  | "workqueue_depth"
  | "leader_election_master_status"
  | "rest_client_requests_total"
  | "process_resident_memory_bytes"
  | "sopsmith_lease"
  | "sopsmith_objects"
  | "sopsmith_object_failed"
  | "sopsmith_decrypt_seconds"
  | "sopsmith_secret_writes_total"
  | "sopsmith_watch_restarts_total"
  | "sopsmith_watch_up"
  | "sopsmith_key_reloads_total"
  | "sopsmith_events_dropped_total";

export interface Family {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

/** The bounds that controller-runtime uses for the time of a pass. */
const passBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** Every metric of the operator: what it is and what it says. */
export const families: Readonly<Record<MetricName, Family>> = {
  sopssecrets_reconcilation_successes_total: {
    type: "counter",
    help: "Successful reconciliations of a SopsSecret.",
  },
  sopssecrets_reconcilation_failures_total: {
    type: "counter",
    help: "Failed reconciliations of a SopsSecret.",
  },
  sopssecrets_reconcilation_suspends_total: {
    type: "counter",
    help: "Reconciliations of a suspended SopsSecret.",
  },
  controller_runtime_reconcile_total: {
    type: "counter",
    help: "Reconciliations by controller and result.",
  },
  controller_runtime_reconcile_errors_total: {
    type: "counter",
    help: "Failed reconciliations, by controller.",
  },
  controller_runtime_reconcile_time_seconds: {
    type: "histogram",
    help: "Duration of a reconciliation, by controller.",
    buckets: passBuckets,
  },
  workqueue_depth: { type: "gauge", help: "SopsSecrets waiting for reconciliation." },
  leader_election_master_status: {
    type: "gauge",
    help: "1 while this process holds the lease, or needs none.",
  },
  rest_client_requests_total: {
    type: "counter",
    help: "Responses of the API server, by method and status.",
  },
  process_resident_memory_bytes: { type: "gauge", help: "Resident memory of the process." },
  sopsmith_lease: {
    type: "gauge",
    help: "1 for the state of the lease: leading, standby, or refused while it cannot be taken.",
  },
  sopsmith_objects: {
    type: "gauge",
    help: "SopsSecrets by condition and its status; computed at each scrape.",
  },
  sopsmith_object_failed: {
    type: "gauge",
    help: "1 for each SopsSecret that is not ready, with the reason; only with -metrics-per-object.",
  },
  sopsmith_decrypt_seconds: {
    type: "histogram",
    help: "Time to decrypt and check one SopsSecret, by the types of the keys that opened it.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  sopsmith_secret_writes_total: {
    type: "counter",
    help: "Writes to the cluster, by kind: apply, patch, delete, status.",
  },
  sopsmith_watch_restarts_total: {
    type: "counter",
    help: "Lists and watches that ended with an error and were started again.",
  },
  sopsmith_watch_up: {
    type: "gauge",
    help: "1 while objects of a kind are watched in a namespace, 0 while the watch fails.",
  },
  sopsmith_key_reloads_total: { type: "counter", help: "Detected changes of keys." },
  sopsmith_events_dropped_total: {
    type: "counter",
    help: "Events that were not sent because too many were waiting.",
  },
};

interface Histogram {
  /** For each bound of the family, not added up. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Counters, gauges and histograms in Prometheus's text format, version 0.0.4. */
export class Metrics {
  private readonly values = new Map<MetricName, Map<string, number>>();
  private readonly histograms = new Map<MetricName, Map<string, Histogram>>();

  add(name: MetricName, labels: Labels = {}, by = 1): void {
    const samples = this.samples(name);
    const key = labelText(labels);
    samples.set(key, (samples.get(key) ?? 0) + by);
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    this.samples(name).set(labelText(labels), value);
  }

  /** Forgets all samples: what is computed anew must not leave old labels behind. */
  clear(name: MetricName): void {
    this.values.delete(name);
  }

  /** Counts a duration in its bucket. */
  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    const bounds = boundsOf(name);
    const all = this.histograms.get(name) ?? new Map<string, Histogram>();
    this.histograms.set(name, all);
    const key = labelText(labels);
    const held = all.get(key) ?? { counts: bounds.map(() => 0), sum: 0, count: 0 };
    all.set(key, held);
    const index = bounds.findIndex((bound) => seconds <= bound);
    if (index >= 0) held.counts[index] = (held.counts[index] ?? 0) + 1;
    held.sum += seconds;
    held.count += 1;
  }

  text(): string {
    const lines: string[] = [];
    const names = [...this.values.keys(), ...this.histograms.keys()];
    for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
      const { help, type } = families[name];
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of this.values.get(name) ?? [])
        lines.push(`${name}${labels} ${value}`);
      for (const [labels, histogram] of this.histograms.get(name) ?? [])
        for (const line of histogramLines(name, labels, histogram)) lines.push(line);
    }
    return `${lines.join("\n")}\n`;
  }

  private samples(name: MetricName): Map<string, number> {
    const found = this.values.get(name) ?? new Map<string, number>();
    this.values.set(name, found);
    return found;
  }
}

function boundsOf(name: MetricName): readonly number[] {
  return families[name].buckets ?? [];
}

function histogramLines(
  name: MetricName,
  labels: string,
  { counts, sum, count }: Histogram,
): string[] {
  const inner = labels === "" ? "" : `${labels.slice(1, -1)},`;
  let below = 0;
  const buckets = boundsOf(name).map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${inner}le="${bound}"} ${below}`;
  });
  return [
    ...buckets,
    `${name}_bucket{${inner}le="+Inf"} ${count}`,
    `${name}_sum${labels} ${sum}`,
    `${name}_count${labels} ${count}`,
  ];
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\\n]/g, (char) => escapes[char] ?? char)}"`,
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}
