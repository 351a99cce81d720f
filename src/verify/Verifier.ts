// Verification of the whole archive, one at a time: asked for by an operator, or a little all the time.
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import { Blobs, type BlobError } from "../ledger/Blobs.ts"
import { Ledger, type LedgerError } from "../ledger/Ledger.ts"
import { VectorIndex, type VectorIndexError } from "../vector-index/VectorIndex.ts"
import { compareAfter, type Finding, type Looks } from "./compare.ts"
import { orphanedBlobs } from "./orphans.ts"
import { isSafe, repair } from "./repair.ts"
import { addFinding, emptyTally, reportOf, type Tally, type VerificationReport } from "./report.ts"

export interface VerifyOptions {
  /** Every file's bytes are hashed again. */
  readonly digests: boolean
  readonly repair: boolean
}

/** Another one with other options is running. */
export class VerifierBusy extends Schema.TaggedError<VerifierBusy>()("VerifierBusy", {}) {}

export type VerifyError = LedgerError | BlobError | VectorIndexError

const driftGauge = Metric.gauge("gateway_drift_instances", {
  description: "Instances whose file, row or vectors differ, as the last verification left them",
})
const verified = Metric.counter("gateway_verified_instances_total", { description: "Instances verified" })

export interface Walk extends Looks {
  readonly repair: "all" | "safe" | "none"
}

export class Verifier extends Context.Service<
  Verifier,
  {
    /** Begins, or joins the one that runs. */
    readonly start: (options: VerifyOptions) => Effect.Effect<void, VerifierBusy>
    /** Of the last or the running one; it fails as that one did. */
    readonly report: Effect.Effect<VerificationReport | undefined, VerifyError>
    /** One stretch after a UID, for who walks at a pace of their own. */
    readonly step: (
      after: string,
      walk: Walk,
      tally: Tally,
    ) => Effect.Effect<
      { readonly next: string | undefined; readonly bytes: number; readonly instances: number },
      VerifyError
    >
    /** Instances that differ, by kind, and were not mended. */
    readonly drift: Effect.Effect<Readonly<Record<string, number>>>
    readonly setDrift: (tally: Tally) => Effect.Effect<void>
  }
>()("gateway/verify/Verifier") {
  static readonly layer = Layer.effect(
    Verifier,
    Effect.suspend(() => make),
  )
}

const make = Effect.gen(function* () {
  const services = yield* Effect.context<Ledger | Blobs | VectorIndex>()
  const index = yield* VectorIndex
  const blobs = yield* Blobs
  const ledger = yield* Ledger
  const scope = yield* Effect.scope
  let running: { readonly options: VerifyOptions; readonly tally: Tally } | undefined
  let last: { readonly report: VerificationReport } | { readonly error: VerifyError } | undefined
  let drift: Readonly<Record<string, number>> = {}

  const setDrift = (tally: Tally) => {
    drift = { ...tally.left }
    return Effect.forEach(
      Object.entries(drift),
      ([kind, count]) => Metric.update(Metric.withAttributes(driftGauge, { kind }), count),
      { discard: true },
    )
  }

  const tell = (finding: Finding) =>
    isSafe(finding) || !("instance" in finding)
      ? Effect.void
      : Effect.logError(`lost: ${finding.kind}`, {
          SOPInstanceUID: finding.instance.SOPInstanceUID,
          StudyInstanceUID: finding.instance.StudyInstanceUID,
        })

  const step = Effect.fnUntraced(function* (after: string, walk: Walk, tally: Tally) {
    const { findings, instances, bytes, next } = yield* compareAfter(after, walk)
    for (const finding of findings) {
      yield* tell(finding)
      const wanted = walk.repair === "all" || (walk.repair === "safe" && isSafe(finding))
      addFinding(tally, finding, wanted && (yield* repair(finding)))
    }
    tally.instances += instances
    if (walk.files) yield* Metric.update(verified, instances)
    return { next, bytes, instances }
  }, Effect.provide(services))

  const whole = Effect.fnUntraced(function* (options: VerifyOptions, tally: Tally) {
    const walk: Walk = { files: true, digests: options.digests, repair: options.repair ? "all" : "none" }
    let after: string | undefined = ""
    while (after !== undefined) after = (yield* step(after, walk, tally)).next
    const orphans = yield* orphanedBlobs
    tally.orphaned = orphans.length
    if (options.repair)
      for (const digest of orphans) if (yield* blobs.remove(digest, ledger.isNamed(digest))) tally.repaired++
    tally.left["blob-orphaned"] = options.repair ? 0 : orphans.length
    let graph = yield* index.verify
    tally.graph = graph
    if (options.repair && graph.missing + graph.orphaned > 0) {
      tally.repaired += graph.missing + graph.orphaned
      yield* index.rebuild
      graph = yield* index.verify
    }
    tally.left["index"] = graph.missing + graph.orphaned
  }, Effect.provide(services))

  const start = (options: VerifyOptions) =>
    Effect.suspend(() => {
      if (running !== undefined) {
        const { digests, repair } = running.options
        return digests === options.digests && repair === options.repair ? Effect.void : Effect.fail(new VerifierBusy())
      }
      return Effect.flatMap(Clock.currentTimeMillis, (since) => {
        const tally = emptyTally(since)
        running = { options, tally }
        last = undefined
        return whole(options, tally).pipe(
          Effect.matchEffect({
            onFailure: (error) => Effect.sync(() => (last = { error })),
            onSuccess: () =>
              Effect.flatMap(Clock.currentTimeMillis, (now) => {
                last = { report: reportOf(tally, options, now, false) }
                return setDrift(tally)
              }),
          }),
          Effect.ensuring(Effect.sync(() => (running = undefined))),
          Effect.forkIn(scope),
          Effect.asVoid,
        )
      })
    })

  return Verifier.of({
    start,
    report: Effect.suspend(() => {
      if (running !== undefined) {
        const { options, tally } = running
        return Effect.map(Clock.currentTimeMillis, (now) => reportOf(tally, options, now, true))
      }
      if (last === undefined) return Effect.succeed(undefined)
      return "error" in last ? Effect.fail(last.error) : Effect.succeed(last.report)
    }),
    step,
    drift: Effect.sync(() => drift),
    setDrift,
  })
})
