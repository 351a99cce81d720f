// The HTTP/JSON API as data: clients, handlers and /openapi.json are all made from it.
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import { Alert, StandingRegion, StandingRegionId } from "../domain/alert.ts"
import { DeletedStudySummary, DeletionProof, Hold, HoldReason, RetentionPlan } from "../domain/deletion.ts"
import { SearchAnswer } from "../domain/hit.ts"
import { maxHits, RegionSearch } from "../domain/region.ts"
import { InstanceStage } from "../domain/instance.ts"
import { ModelComparison, Models, ModelSwitch } from "../domain/model.ts"
import { GatewayStatus, SetAsideItem, StudyStatus } from "../domain/study.ts"
import { AnyUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { VerificationReport } from "../verify/report.ts"
import { BadRequest, Conflict, NotFound, Timeout, TooLarge, Unavailable, Unprocessable, Unsupported } from "./errors.ts"
import { withOtherRoutes } from "./openapi.ts"

const errors = [BadRequest, NotFound, Timeout, TooLarge, Unsupported, Unprocessable, Unavailable] as const

class RegionsApi extends HttpApiGroup.make("regions")
  .add(
    HttpApiEndpoint.post("search", "/search", { payload: RegionSearch, success: SearchAnswer, error: errors }).annotate(
      OpenApi.Description,
      "Ranked sub-volumes that look like a region. With `Accept: application/x-ndjson` the answer is streamed: one `candidates` line, one `hits` line, then `done`. A query volume may be uploaded instead: `multipart/related` whose first part is this JSON without UIDs and whose other parts are application/dicom.",
    ),
  )
  .prefix("/api/regions") {}

const IdentifiedRegion = Schema.Struct({
  id: StandingRegionId,
  ...StandingRegion.fields,
  /** Why it raises no alerts for now: it has no vectors of the model that serves. */
  notMatched: Schema.optionalKey(Schema.String),
})
const id = { params: { id: StandingRegionId } }

class StandingRegionsApi extends HttpApiGroup.make("standingRegions")
  .add(
    HttpApiEndpoint.get("list", "/", { success: Schema.Array(IdentifiedRegion), error: errors }),
    HttpApiEndpoint.put("put", "/:id", { ...id, payload: StandingRegion, success: IdentifiedRegion, error: errors }),
    HttpApiEndpoint.get("get", "/:id", { ...id, success: IdentifiedRegion, error: errors }),
    HttpApiEndpoint.delete("remove", "/:id", { ...id, success: HttpApiSchema.NoContent, error: errors }),
  )
  .prefix("/api/standing-regions") {}

const whole = (minimum: number, maximum: number) =>
  Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum }))

const page = {
  /** Alerts with an id above this one. */
  after: Schema.optionalKey(Schema.NumberFromString.check(Schema.isInt())),
  limit: Schema.optionalKey(whole(1, 1000)),
}

class AlertsApi extends HttpApiGroup.make("alerts")
  .add(
    HttpApiEndpoint.get("list", "/", { query: page, success: Schema.Array(Alert), error: errors }),
    HttpApiEndpoint.get("stream", "/stream", { success: Schema.String, error: errors }).annotate(
      OpenApi.Description,
      "`text/event-stream` of alerts; starts after `Last-Event-ID` (0 replays all), or with the next alert.",
    ),
  )
  .prefix("/api/alerts") {}

const study = { params: { StudyInstanceUID } }

class StudiesApi extends HttpApiGroup.make("studies")
  .add(
    HttpApiEndpoint.get("status", "/:StudyInstanceUID/status", {
      ...study,
      query: {
        offset: Schema.optionalKey(whole(0, Number.MAX_SAFE_INTEGER)),
        limit: Schema.optionalKey(whole(0, 10_000)),
        /** Lists only the instances that are there. */
        stage: Schema.optionalKey(InstanceStage),
      },
      success: StudyStatus,
      error: errors,
    }).annotate(
      OpenApi.Description,
      "Where a study is: state, versions with their evidence, and its instances one by one, 1,000 unless `limit` says otherwise.",
    ),
    HttpApiEndpoint.post("complete", "/:StudyInstanceUID/complete", {
      ...study,
      success: StudyStatus,
      error: errors,
    }).annotate(
      OpenApi.Description,
      "The sender says that the study is complete: it becomes ready as soon as nothing of it is in flight.",
    ),
  )
  .prefix("/api/studies") {}

/** A stage's name, as in an item's `stage`. */
const stage = Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[a-z-]{1,32}$/)))

class SetAsideApi extends HttpApiGroup.make("setAside")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: {
        StudyInstanceUID: Schema.optionalKey(StudyInstanceUID),
        stage,
        /** Items with a receipt above this one. */
        after: Schema.optionalKey(whole(0, Number.MAX_SAFE_INTEGER)),
        limit: Schema.optionalKey(whole(1, 10_000)),
      },
      success: Schema.Array(SetAsideItem),
      error: errors,
    }).annotate(
      OpenApi.Description,
      "What a stage gave up, 1,000 items unless `limit` says otherwise; `after` the receipt of the last one comes the next page.",
    ),
    HttpApiEndpoint.get("show", "/:SOPInstanceUID", {
      params: { SOPInstanceUID },
      success: SetAsideItem,
      error: errors,
    }),
    HttpApiEndpoint.post("requeue", "/requeue", {
      /** Without a body, or with an empty one: all of them. */
      payload: [
        Schema.Struct({
          SOPInstanceUID: Schema.optionalKey(
            Schema.Union([
              SOPInstanceUID,
              Schema.Array(SOPInstanceUID).check(Schema.isMinLength(1), Schema.isMaxLength(1000)),
            ]),
          ),
          StudyInstanceUID: Schema.optionalKey(StudyInstanceUID),
          stage,
        }),
        Schema.Null,
      ],
      success: Schema.Struct({ requeued: Schema.Int }),
      error: errors,
    }),
  )
  .prefix("/api/set-aside") {}

export { VerificationReport }

/** Of the rebuild that runs, or else of the last one. */
export const Rebuilding = Schema.Struct({ running: Schema.Boolean, slices: Schema.Int, of: Schema.Int })

class OperationsApi extends HttpApiGroup.make("operations")
  .add(
    HttpApiEndpoint.get("status", "/status", { success: GatewayStatus, error: errors }),
    HttpApiEndpoint.post("rebuild", "/index/rebuild", {
      success: Schema.Struct({ slices: Schema.Int }),
      error: errors,
    }).annotate(
      OpenApi.Description,
      "Answers when the index is built anew. It is built to its end also when the caller goes; who asks meanwhile waits for the same one.",
    ),
    HttpApiEndpoint.get("rebuilding", "/index/rebuild", { success: Rebuilding, error: errors }),
    HttpApiEndpoint.post("verify", "/index/verify", {
      /** Without a body: compares only. */
      payload: [
        Schema.Struct({ repair: Schema.optionalKey(Schema.Boolean), digests: Schema.optionalKey(Schema.Boolean) }),
        Schema.Null,
      ],
      success: VerificationReport,
      error: errors,
    }).annotate(
      OpenApi.Description,
      "Compares blobs, ledger, journal and index, both ways, while everything goes on; `digests` reads every blob's bytes again, `repair` mends what the stored files can mend and sets lost instances aside. Answers when it is done, or after a minute with `running: true`: ask again with GET.",
    ),
    HttpApiEndpoint.get("verification", "/index/verify", { success: VerificationReport, error: errors }),
  )
  .prefix("/api") {}

const pageOf = {
  limit: page.limit,
  offset: Schema.optionalKey(Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))),
}

class DeletionsApi extends HttpApiGroup.make("deletions")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: pageOf,
      success: Schema.Array(DeletedStudySummary),
      error: errors,
    }).annotate(OpenApi.Description, "Studies of which something was deleted, the newest deletion first."),
    HttpApiEndpoint.get("get", "/:uid", { params: { uid: AnyUID }, success: DeletionProof, error: errors }).annotate(
      OpenApi.Description,
      "Proof that what was deleted under the UID of a study, series or instance is gone: files, rows, vectors, snapshots, events, measured now.",
    ),
  )
  .prefix("/api/deletions") {}

class HoldsApi extends HttpApiGroup.make("holds")
  .add(
    HttpApiEndpoint.get("list", "/", { query: pageOf, success: Schema.Array(Hold), error: errors }),
    HttpApiEndpoint.get("get", "/:StudyInstanceUID", { ...study, success: Hold, error: errors }),
    HttpApiEndpoint.put("put", "/:StudyInstanceUID", {
      ...study,
      payload: HoldReason,
      success: Hold,
      error: errors,
    }).annotate(
      OpenApi.Description,
      "Holds the study: neither retention nor a DELETE (409) removes anything of it until the hold is lifted.",
    ),
    HttpApiEndpoint.delete("remove", "/:StudyInstanceUID", {
      ...study,
      success: HttpApiSchema.NoContent,
      error: errors,
    }),
  )
  .prefix("/api/holds") {}

class RetentionApi extends HttpApiGroup.make("retention")
  .add(
    HttpApiEndpoint.get("plan", "/", {
      query: {
        maxAgeDays: Schema.optionalKey(
          Schema.NumberFromString.check(Schema.isFinite(), Schema.isGreaterThanOrEqualTo(0)),
        ),
        ageFrom: Schema.optionalKey(Schema.Literals(["arrival", "study-date"])),
      },
      success: RetentionPlan,
      error: errors,
    }).annotate(
      OpenApi.Description,
      "What the retention rule would delete next, and why. Deletes nothing; maxAgeDays and ageFrom try another rule.",
    ),
  )
  .prefix("/api/retention") {}

const preset = Schema.NonEmptyString.check(Schema.isMaxLength(1000))
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const modelErrors = [...errors, Conflict] as const
const anyway = { anyway: Schema.optionalKey(Schema.Boolean) }

class ModelsApi extends HttpApiGroup.make("models")
  .add(
    HttpApiEndpoint.get("list", "/", { success: Models, error: errors }),
    HttpApiEndpoint.post("shadow", "/shadow", {
      payload: Schema.Struct({ preset }),
      success: Models,
      error: modelErrors,
    }).annotate(
      OpenApi.Description,
      "Begins to embed all that is stored with another model, beside the one that serves; again: tries what failed once more.",
    ),
    HttpApiEndpoint.post("compare", "/compare", {
      payload: Schema.Struct({
        samples: Schema.optionalKey(between(1, 500)),
        k: Schema.optionalKey(between(1, maxHits)),
        seed: Schema.optionalKey(Schema.Int),
      }),
      success: ModelComparison,
      error: modelErrors,
    }),
    HttpApiEndpoint.post("switch", "/switch", {
      payload: [Schema.Struct({ preset: Schema.optionalKey(preset), ...anyway }), Schema.Null],
      success: ModelSwitch,
      error: modelErrors,
    }).annotate(
      OpenApi.Description,
      "The other model serves from now on. Refused (409) while it lacks something, unless `anyway`; the model before stays beside it and is fed.",
    ),
    HttpApiEndpoint.post("rollback", "/rollback", {
      payload: [Schema.Struct(anyway), Schema.Null],
      success: ModelSwitch,
      error: modelErrors,
    }),
    HttpApiEndpoint.post("drop", "/drop", {
      payload: Schema.Struct({ preset }),
      success: Models,
      error: modelErrors,
    }),
  )
  .prefix("/api/models") {}

export class Api extends HttpApi.make("region-gateway")
  .add(
    RegionsApi,
    StandingRegionsApi,
    AlertsApi,
    StudiesApi,
    SetAsideApi,
    DeletionsApi,
    HoldsApi,
    RetentionApi,
    OperationsApi,
    ModelsApi,
  )
  // A misspelt key is an error, not a default.
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error" })
  .annotate(HttpApi.QueryParseOptions, { onExcessProperty: "error" })
  .annotate(OpenApi.Transform, withOtherRoutes)
  .annotate(OpenApi.Title, "Region gateway")
  .annotate(OpenApi.Version, "0.3.0") {}
