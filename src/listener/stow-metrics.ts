// What /metrics says of store requests.
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Outcome } from "./store-response.ts"

const instances = Metric.counter("gateway_stow_instances_total", {
  description: "Instances sent, by what became of them",
})
const bytes = Metric.counter("gateway_stow_bytes_total", { description: "Bytes of the instances taken in" })

/** Seconds of whole requests, from a single slice to a study of thousands. */
export const seconds = Metric.histogram("gateway_stow_seconds", {
  description: "Duration of store requests",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
})

const refusals = Metric.counter("gateway_stow_refusals_total", {
  description: "Store requests that the gateway could not take, by what was short",
})

export const countRefusal = (reason: "places" | "behind" | "disk" | "storage") =>
  Metric.update(Metric.withAttributes(refusals, { reason }), 1)

const resultOf = (outcome: Outcome) => (outcome._tag === "Refused" ? "refused" : outcome.fresh ? "stored" : "duplicate")

export const count = Effect.fnUntraced(function* (outcomes: ReadonlyArray<Outcome>, taken: number) {
  const byResult = Map.groupBy(outcomes, resultOf)
  for (const [result, group] of byResult) {
    yield* Metric.update(Metric.withAttributes(instances, { result }), group.length)
  }
  yield* Metric.update(bytes, taken)
})
