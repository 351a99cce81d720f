// All routes of the API, health and metrics as one layer.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { Nats } from "../events/Nats.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { Models } from "../models/Models.ts"
import { AlertsHandlers } from "./alerts.ts"
import { Api } from "./Api.ts"
import { DeletionsHandlers, HoldsHandlers } from "./deletions.ts"
import { JsonErrors } from "./json-errors.ts"
import { ModelsHandlers } from "./models.ts"
import { gatewayStatus, OperationsHandlers } from "./operations.ts"
import { RegionsHandlers } from "./regions.ts"
import { RetentionHandlers } from "./retention.ts"
import { SetAsideHandlers } from "./set-aside.ts"
import { StandingRegionsHandlers } from "./standing-regions.ts"
import { StudiesHandlers } from "./studies.ts"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })
const instances = gauge("gateway_instances", "Instances stored")
const embeddable = gauge("gateway_embeddable_slices", "Slices that can be searched once indexed")
const indexed = gauge("gateway_indexed_slices", "Slices that can be searched now")
const setAside = gauge("gateway_set_aside_instances", "Instances a stage gave up")
const studies = gauge("gateway_studies", "Studies, by their state")
const pending = gauge("gateway_stage_pending_instances", "Instances that wait for a stage")
const connected = gauge("gateway_nats_connected", "1 while the broker answers, else 0")
const oldest = gauge("gateway_stage_oldest_seconds", "Age of the oldest instance that waits for a stage")

const modelSlices = gauge("gateway_model_slices", "Slices in the index of a model")
const modelMissing = gauge("gateway_model_missing_slices", "Searchable slices that the index of a model lacks")
const modelFailed = gauge("gateway_model_failed_instances", "Instances that a model could not embed")

const modelMetrics = Effect.gen(function* () {
  for (const { id, role, slices, failed } of yield* (yield* Models).status) {
    const of = { model: id, role }
    yield* Metric.update(Metric.withAttributes(modelSlices, of), slices.held)
    yield* Metric.update(Metric.withAttributes(modelMissing, of), Math.max(0, slices.of - slices.held))
    yield* Metric.update(Metric.withAttributes(modelFailed, of), failed)
  }
})

/** Gauges are read from the ledger at each scrape: they are its counts, not a second bookkeeping. */
const metrics = Effect.gen(function* () {
  const status = yield* gatewayStatus()
  yield* Metric.update(instances, status.instances)
  yield* Metric.update(embeddable, status.slices.embeddable)
  yield* Metric.update(indexed, status.slices.indexed)
  yield* Metric.update(setAside, status.setAside)
  for (const [state, count] of Object.entries(status.studies)) {
    yield* Metric.update(Metric.withAttributes(studies, { state }), count)
  }
  for (const [stage, backlog] of Object.entries(status.stages)) {
    yield* Metric.update(Metric.withAttributes(pending, { stage }), backlog.pending)
    yield* Metric.update(Metric.withAttributes(oldest, { stage }), backlog.oldestSeconds)
  }
  yield* modelMetrics
  yield* Metric.update(connected, (yield* (yield* Nats).isConnected) ? 1 : 0)
  return HttpServerResponse.text(yield* PrometheusMetrics.format(), { contentType: "text/plain; version=0.0.4" })
}).pipe(Effect.catch(() => Effect.succeed(HttpServerResponse.empty({ status: 503 }))))

/** Ready: the ledger answers and the broker is connected. While it is not, STOW still accepts; only the way to the index waits. */
const ready = Effect.gen(function* () {
  const nats = yield* (yield* Nats).isConnected
  const ledger = yield* (yield* Ledger).totals.pipe(
    Effect.as(true),
    Effect.catch(() => Effect.succeed(false)),
  )
  return HttpServerResponse.jsonUnsafe({ ledger, nats }, { status: ledger && nats ? 200 : 503 })
})

const Operational = Layer.mergeAll(
  HttpRouter.add("GET", "/health/live", Effect.succeed(HttpServerResponse.jsonUnsafe({ live: true }))),
  HttpRouter.add("GET", "/health/ready", ready),
  HttpRouter.add("GET", "/metrics", metrics),
)

export const ApiRoutes = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide([
      RegionsHandlers,
      StandingRegionsHandlers,
      AlertsHandlers,
      StudiesHandlers,
      DeletionsHandlers,
      HoldsHandlers,
      RetentionHandlers,
      SetAsideHandlers,
      OperationsHandlers,
      ModelsHandlers,
    ]),
  ),
  Operational,
  JsonErrors,
)
