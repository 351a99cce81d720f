// What /metrics counts of what the ledger decided, since the process started.
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

const counters = {
  setAside: Metric.counter("gateway_set_aside_total", { description: "Instances that a stage gave up" }),
  ready: Metric.counter("gateway_study_ready_total", { description: "Versions of studies that became ready" }),
  alerts: Metric.counter("gateway_alerts_total", { description: "Alerts raised" }),
}

export const countEvents = (what: keyof typeof counters, by: number): Effect.Effect<void> =>
  by === 0 ? Effect.void : Metric.update(counters[what], by)

/** They are there from the start, so that a rate sees the first one. */
export const startCounters = Effect.forEach(Object.values(counters), (counter) => Metric.update(counter, 0), {
  discard: true,
})
