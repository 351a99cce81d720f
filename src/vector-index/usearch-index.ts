// VectorIndex on one worker thread that owns the journal and the usearch index.
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import { dirname } from "node:path"
import type { Transferable } from "node:worker_threads"
import type { EmbeddedSlice } from "../domain/slice.ts"
import type { SeriesInstanceUID, SOPInstanceUID } from "../domain/uid.ts"
import { makePool } from "../workers/pool.ts"
import type * as tasks from "./index-tasks.ts"
import type { Outcome, SearchAnswer } from "./index-tasks.ts"
import type { Removal } from "./journal.ts"
import { type JournalReaderOptions, parseHeaders } from "./journal-reader.ts"
import { journalPath } from "./journal-schema.ts"
import { packSlices } from "./pack.ts"
import { publishSnapshot } from "./snapshot.ts"
import { type Neighbour, type Rebuilding, VectorIndex, VectorIndexError } from "./VectorIndex.ts"

export interface VectorIndexOptions extends JournalReaderOptions {
  /** How often to look whether a snapshot is due (nothing changed since the last look, or much did), or a rebuild. */
  readonly upkeepEvery?: Duration.Input
  /** Another module with the tasks of `index-tasks.ts`: for tests of threads that die. */
  readonly worker?: URL
}

/** Longest stretch for which the thread builds and others wait. */
const stretchMillis = 30
/** Slices added or removed that make a snapshot due on a busy index: about 5 s of building at the next start. */
const manyChanges = 10_000
/** Removed slices leave snapshots and log within seconds, but saving takes no more than a thirtieth of the time. */
const scrubEvery = "1 second"
const scrubShare = 30

type Tasks = typeof tasks
type Answer<Name extends keyof Tasks> = Tasks[Name] extends (argument: never) => Outcome<infer A> ? A : never

const neighboursOf = ({ stacks, slices, counts, slice, cosine }: SearchAnswer) => {
  const width = counts.length === 0 ? 0 : slice.length / counts.length
  return counts.map((taken, query) => {
    const neighbours: Array<Neighbour> = []
    for (let at = query * width; at < query * width + taken; at++) {
      const found = slices[slice[at] ?? -1]
      const stack = found && stacks[found[0]]
      if (found === undefined || stack === undefined) continue
      neighbours.push({
        SeriesInstanceUID: stack[0] as SeriesInstanceUID,
        stack: stack[1],
        SOPInstanceUID: found[1] as SOPInstanceUID,
        FrameNumber: found[2],
        position: found[3],
        cosine: cosine[at] ?? 0,
      })
    }
    return neighbours
  })
}

const removals = (instances: ReadonlyArray<Removal>): ReadonlyArray<Removal> =>
  instances.map(({ SOPInstanceUID, receipt }) => ({ SOPInstanceUID, receipt }))

const make = Effect.fnUntraced(function* (options: VectorIndexOptions) {
  const { dir, modelId, dimension, gridSize, upkeepEvery = "30 seconds" } = options
  const data: JournalReaderOptions = { dir, modelId, dimension, gridSize }
  const folder = dirname(journalPath(dir, modelId))
  const filename = options.worker ?? new URL("./index-tasks.ts", import.meta.url)
  const pool = yield* makePool({ filename, threads: 1, data, stoppable: false })

  const run = <Name extends keyof Tasks>(
    name: Name,
    argument: Parameters<Tasks[Name]>[0],
    transfer: ReadonlyArray<Transferable> = [],
  ): Effect.Effect<Answer<Name>, VectorIndexError> =>
    pool.run<Outcome<Answer<Name>>>(name, argument, { transfer }).pipe(
      Effect.mapError((cause) => new VectorIndexError({ reason: "worker", cause })),
      Effect.tap(({ warnings }) =>
        Effect.forEach(warnings, (warning) => Effect.logWarning(warning, { model: modelId }), { discard: true }),
      ),
      Effect.flatMap((outcome) =>
        outcome.ok
          ? Effect.succeed(outcome.value)
          : new VectorIndexError({ reason: outcome.reason, cause: new Error(outcome.message) }),
      ),
    )

  /** Lets the index read the journal to its end, in stretches between which others have their turn. */
  const catchUp = run("advance", stretchMillis).pipe(Effect.repeat({ until: (done) => done }))
  const whole = <A>(
    ask: Effect.Effect<{ readonly behind: true } | { readonly behind: false; readonly value: A }, VectorIndexError>,
  ): Effect.Effect<A, VectorIndexError> =>
    Effect.flatMap(ask, (answer) =>
      answer.behind
        ? Effect.andThen(
            catchUp,
            Effect.suspend(() => whole(ask)),
          )
        : Effect.succeed(answer.value),
    )

  const saving = yield* Semaphore.make(1)
  /** Files are written outside Effect's reach: two at a time would write the same ones. */
  const snapshot = Effect.uninterruptible(
    saving.withPermits(1)(
      Effect.gen(function* () {
        const saved = yield* run("save", undefined)
        if (saved === undefined) return
        yield* Effect.tryPromise({
          try: () => publishSnapshot(folder, saved),
          catch: (cause) =>
            new VectorIndexError({
              reason: (cause as { code?: unknown }).code === "ENOSPC" ? "disk-full" : "io",
              cause,
            }),
        })
        yield* run("saved", saved)
      }),
    ),
  )

  let progress: Rebuilding = { running: false, slices: 0, of: 0 }
  const build = Effect.gen(function* () {
    for (let anew = true; ; anew = false) {
      const { done, slices, of } = yield* run("rebuild", { anew, milliseconds: stretchMillis })
      progress = { running: true, slices, of }
      if (done) break
    }
    yield* snapshot
    return { slices: progress.slices }
  }).pipe(
    Effect.onExit((exit) => {
      progress = { ...progress, running: false }
      return Exit.isSuccess(exit) ? Effect.void : Effect.ignore(run("abandon", undefined))
    }),
  )
  const scope = yield* Effect.scope
  let building: Fiber.Fiber<{ readonly slices: number }, VectorIndexError> | undefined
  /** Not the caller's: a rebuild of an archive outlasts requests. */
  const rebuild = Effect.suspend(() => {
    if (progress.running && building !== undefined) return Fiber.join(building)
    progress = { running: true, slices: 0, of: 0 }
    return Effect.forkIn(build, scope).pipe(
      Effect.tap((fiber) => Effect.sync(() => void (building = fiber))),
      Effect.flatMap(Fiber.join),
    )
  })

  yield* run("open", undefined)
  yield* Effect.addFinalizer(() =>
    snapshot.pipe(
      Effect.catch((error) => Effect.logWarning("no snapshot at the end: the next start reads more journal", error)),
      Effect.andThen(run("close", undefined)),
      Effect.ignore,
    ),
  )

  let scrubDue = true
  let [scrubbed, took] = [0, 0]
  const scrub = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (!scrubDue || now - scrubbed < took * scrubShare) return
    scrubDue = false
    yield* snapshot
    scrubbed = yield* Clock.currentTimeMillis
    took = scrubbed - now
    if (!(yield* run("scrub", undefined))) scrubDue = true
  }).pipe(Effect.tapError(() => Effect.sync(() => void (scrubDue = true))))

  let unsavedBefore = -1
  const upkeep = Effect.gen(function* () {
    const { unsaved, worn } = yield* run("state", undefined)
    if (worn) return yield* rebuild
    const due = unsaved !== 0 && (unsaved === unsavedBefore || unsaved >= manyChanges)
    unsavedBefore = unsaved
    if (due) yield* snapshot
  })
  const again = (work: Effect.Effect<unknown, VectorIndexError>, every: Duration.Input) =>
    work.pipe(
      Effect.catchCause((cause) => Effect.logWarning("upkeep of the index failed, comes again", Cause.squash(cause))),
      Effect.repeat(Schedule.spaced(every)),
    )
  yield* catchUp.pipe(
    Effect.catch((error) => Effect.logWarning("the index is not whole yet", error)),
    Effect.andThen(Effect.all([again(upkeep, upkeepEvery), again(scrub, scrubEvery)], { concurrency: 2 })),
    Effect.forkScoped,
  )

  return VectorIndex.of({
    add: Effect.fnUntraced(function* (slices: ReadonlyArray<EmbeddedSlice>) {
      if (slices.length === 0) return []
      const packed = yield* packSlices(slices, dimension, gridSize)
      const held = yield* run("add", packed, [
        packed.vectors.buffer,
        packed.locals.buffer,
      ] as ReadonlyArray<ArrayBuffer>)
      const named = new Map(slices.map(({ instance }) => [`${instance.SOPInstanceUID} ${instance.receipt}`, instance]))
      return held.flatMap(({ SOPInstanceUID, receipt, frames }) => {
        const instance = named.get(`${SOPInstanceUID} ${receipt}`)
        return instance === undefined ? [] : [{ instance, indexedFrames: frames }]
      })
    }),
    remove: (instances) =>
      Effect.tap(run("remove", removals(instances)), () => Effect.sync(() => void (scrubDue = true))),
    buriedUpTo: run("buriedUpTo", undefined),
    buried: (upTo) => run("buried", upTo),
    traces: (instances) => run("traces", removals(instances)),
    search: Effect.fnUntraced(function* (vectors: Float32Array, k: number) {
      if (vectors.length % dimension !== 0 || !vectors.every(Number.isFinite))
        return yield* new VectorIndexError({
          reason: "dimension",
          cause: new Error(`not rows of ${dimension} numbers`),
        })
      // The array may be a view, and is asked with again when the index was behind: never transferred.
      const query = { vectors: vectors.slice(), k: Math.max(1, Math.floor(k)) }
      return neighboursOf(yield* whole(run("search", query)))
    }),
    stacks: (series) =>
      Effect.map(run("stacks", series), (found) =>
        found.map(({ headers, ...stack }) => ({ ...stack, headers: parseHeaders(headers) })),
      ),
    state: Effect.map(run("state", undefined), ({ sequence, slices, indexed, bytes }) => ({
      sequence,
      slices,
      indexed,
      bytes,
    })),
    mean: run("mean", undefined),
    rebuild,
    rebuilding: Effect.sync(() => progress),
    held: (instances) => run("held", removals(instances)),
    series: Effect.map(run("series", undefined), (series) => new Map(series)),
    snapshot,
    verify: whole(run("verify", undefined)),
    instancesAfter: (uid, limit) => run("instancesAfter", { uid, limit }),
  })
})

/** One writer per folder and model. Other threads read the journal through `openJournalReader`. */
export const layer = (options: VectorIndexOptions): Layer.Layer<VectorIndex, VectorIndexError> =>
  Layer.effect(VectorIndex, make(options))
