// The clock's part of retention: looks again and again, tells log and audit log what went.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { AuditLog } from "../src/access/AuditLog.ts"
import type { RetentionSettings } from "../src/config/retention-settings.ts"
import { internal } from "../src/domain/caller.ts"
import { isEnabled, retentionPass } from "../src/deletion/retention.ts"

const deleted = Metric.counter("gateway_retention_deleted_studies", {
  description: "Studies that the retention rule deleted",
})

/** Answers whether the disk needs more than one pass may delete. */
const pass = Effect.fnUntraced(function* (settings: RetentionSettings) {
  const audit = yield* AuditLog
  const studies = yield* retentionPass(settings)
  if (studies.length === 0) return false
  const at = yield* Clock.currentTimeMillis
  yield* audit.record({
    event: "delete-study",
    at,
    status: 204,
    user: internal.name,
    method: "DELETE",
    route: "retention",
    studies: studies.map(({ StudyInstanceUID }) => StudyInstanceUID),
  })
  const count = (why: "age" | "disk") => studies.filter((study) => study.why === why).length
  for (const why of ["age", "disk"] as const) yield* Metric.update(Metric.withAttributes(deleted, { why }), count(why))
  yield* Effect.logInfo("retention deleted studies", { age: count("age"), disk: count("disk") })
  return studies.at(-1)?.why === "disk" && studies.length === settings.studiesPerPass
})

export const retention = Effect.fnUntraced(function* (settings: RetentionSettings) {
  if (!isEnabled(settings)) return yield* Effect.never
  // Begun, it goes on to the upper mark, also when the passes between get above the lower one.
  const { untilFreeBytes } = settings
  for (let more: boolean = false; ;) {
    more = yield* pass(more ? { ...settings, belowFreeBytes: untilFreeBytes } : settings).pipe(
      Effect.catch((error) =>
        Effect.as(Effect.logWarning("retention could not delete, tries again", { error: error._tag }), false),
      ),
    )
    yield* Effect.sleep(Duration.seconds(settings.everySeconds))
  }
})
