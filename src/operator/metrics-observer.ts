import type { Metrics } from "./metrics.ts";
import type { Observer } from "./observer.ts";

/** Counts passes in metrics. */
export function metricsObserver(metrics: Metrics, log: Observer["log"]): Observer {
  const names = { success: "successes", error: "failures", suspended: "suspends" } as const;
  return {
    reconciled: (result, seconds) => {
      metrics.add(`sopssecrets_reconcilation_${names[result]}_total`);
      metrics.add("controller_runtime_reconcile_total", {
        controller: "sopssecret",
        result: result === "error" ? "error" : "success",
      });
      if (result === "error")
        metrics.add("controller_runtime_reconcile_errors_total", { controller: "sopssecret" });
      metrics.observe("controller_runtime_reconcile_time_seconds", seconds, {
        controller: "sopssecret",
      });
    },
    dropped: () => metrics.add("sopsmith_events_dropped_total"),
    wrote: (op) => metrics.add("sopsmith_secret_writes_total", { op }),
    decrypted: (seconds, keyType) =>
      metrics.observe("sopsmith_decrypt_seconds", seconds, { key_type: keyType }),
    log,
  };
}
