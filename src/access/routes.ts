// Who may what: every method and path with the action it needs and how the audit log calls it. What is not here is refused.
import * as FindMyWay from "effect/http/FindMyWay"
import type { Action } from "../domain/caller.ts"
import type { AuditedEvent } from "./audit-event.ts"

export interface Access {
  /** `signed-in`: of anybody who is known; `open`: of everybody, and not worth a line in the audit log. */
  readonly needs: Action | "signed-in" | "open"
  readonly event: AuditedEvent
  /** Path with the names of its parameters. */
  readonly path: string
}

type Method = "GET" | "POST" | "PUT" | "DELETE" | "OPTIONS"
type Row = readonly [methods: Method | ReadonlyArray<Method>, path: string, needs: Access["needs"], event: AuditedEvent]

const study = "/dicomweb/studies/:study"
const series = `${study}/series/:series`
const instance = `${series}/instances/:instance`
const frames = `${instance}/frames/:frames`
const workitems = "/dicomweb/workitems"
const levels = [study, series, instance]

const each = (paths: ReadonlyArray<string>, ...row: readonly [Row[0], Row[2], Row[3]]) =>
  paths.map((path): Row => [row[0], path, row[1], row[2]])

export const rows: ReadonlyArray<Row> = [
  ["GET", "/health/live", "open", "activity"],
  ["GET", "/health/ready", "open", "activity"],
  ["GET", "/openapi.json", "signed-in", "activity"],
  ["GET", "/metrics", "operate", "activity"],
  // PS3.18 §8.9: what the service can do, not what it holds.
  ["OPTIONS", "*", "signed-in", "activity"],
  ["GET", "/dicomweb", "signed-in", "activity"],

  // STOW-RS (PS3.18 §10.5)
  ...each(["/dicomweb/studies", study], "POST", "store", "store"),
  // QIDO-RS (PS3.18 §10.6)
  ...each(["/dicomweb/studies", "/dicomweb/series", "/dicomweb/instances"], "GET", "read", "query"),
  ...each([`${study}/series`, `${study}/instances`, `${series}/instances`], "GET", "read", "query"),
  // WADO-RS (PS3.18 §10.4)
  ...each(levels, "GET", "read", "retrieve"),
  ...each(
    levels.flatMap((level) =>
      ["metadata", "rendered", "thumbnail", "bulkdata", "pixeldata"].map((resource) => `${level}/${resource}`),
    ),
    "GET",
    "read",
    "retrieve",
  ),
  ...each([frames, `${frames}/rendered`, `${frames}/thumbnail`], "GET", "read", "retrieve"),
  ...each([`${instance}/bulkdata/*`], "GET", "read", "retrieve"),
  // Delete
  ["DELETE", study, "delete", "delete-study"],
  ...each([series, instance], "DELETE", "delete", "delete-part"),

  // UPS-RS (PS3.18 §11)
  [["GET", "POST"], workitems, "worklist", "worklist"],
  [["GET", "POST"], `${workitems}/:uid`, "worklist", "worklist"],
  ["PUT", `${workitems}/:uid/state`, "worklist", "worklist"],
  ["PUT", `${workitems}/:uid/state/:requester`, "worklist", "worklist"],
  ["POST", `${workitems}/:uid/cancelrequest`, "worklist", "worklist"],
  ["POST", `${workitems}/:uid/cancelrequest/:requester`, "worklist", "worklist"],
  [["POST", "DELETE"], `${workitems}/:uid/subscribers/:subscriber`, "worklist", "worklist"],
  ["POST", `${workitems}/:uid/subscribers/:subscriber/suspend`, "worklist", "worklist"],
  ...each(
    ["/dicomweb/subscribers/:subscriber", "/dicomweb/ws/subscribers/:subscriber", "/ws/subscribers/:subscriber"],
    "GET",
    "worklist",
    "worklist",
  ),

  ["POST", "/api/regions/search", "search", "query"],
  ["GET", "/api/standing-regions", "alerts", "query"],
  ["GET", "/api/standing-regions/:id", "alerts", "query"],
  [["PUT", "DELETE"], "/api/standing-regions/:id", "alerts", "change"],
  ["GET", "/api/alerts", "alerts", "query"],
  ["GET", "/api/alerts/stream", "alerts", "query"],
  ["GET", "/api/studies/:study/status", "read", "query"],
  ["POST", "/api/studies/:study/complete", "store", "change"],
  ["GET", "/api/deletions", "delete", "query"],
  ["GET", "/api/deletions/:uid", "delete", "query"],
  ["GET", "/api/holds", "delete", "query"],
  ["GET", "/api/holds/:study", "delete", "query"],
  [["PUT", "DELETE"], "/api/holds/:study", "delete", "change"],
  ["GET", "/api/retention", "operate", "query"],
  ["GET", "/api/status", "operate", "activity"],
  ["GET", "/api/set-aside", "operate", "query"],
  ["GET", "/api/set-aside/:instance", "operate", "query"],
  ["POST", "/api/set-aside/requeue", "operate", "change"],
  ["POST", "/api/index/rebuild", "operate", "change"],
  ["GET", "/api/index/rebuild", "operate", "activity"],
  ["POST", "/api/index/verify", "operate", "activity"],
  ["GET", "/api/index/verify", "operate", "activity"],
  ["GET", "/api/models", "operate", "activity"],
  ...each(
    ["shadow", "switch", "rollback", "drop"].map((change) => `/api/models/${change}`),
    "POST",
    "operate",
    "change",
  ),
  ["POST", "/api/models/compare", "operate", "query"],
]

/** The router's own matcher with its own settings: what it takes for a route is what is judged here. */
export const accessTable = (config: Partial<FindMyWay.RouterConfig>) => {
  const table = FindMyWay.make<Access>(config)
  for (const [methods, path, needs, event] of rows) {
    table.on(methods, path as FindMyWay.PathInput, { needs, event, path })
  }
  return (method: string, url: string) => {
    // Whoever may GET may ask for the head of it.
    const found = table.find(method === "HEAD" ? "GET" : (method as Method), url)
    return found === undefined ? undefined : { ...found.handler, study: found.params["study"] }
  }
}

/** Region queries over NATS, which has no paths. */
export const queryAccess = { needs: "search", event: "query", path: "gateway.query.region" } as const satisfies Access
