// Models over the ledger's record: opened at start, switched in one commit, never two that serve.
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { Decoder } from "../decode/Decoder.ts"
import { ModelError, presetOf } from "../embed/preset.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { type ModelRecord, ModelRecords } from "../ledger/model-records.ts"
import { journalPath } from "../vector-index/journal-schema.ts"
import { compare } from "./compare.ts"
import { renewExemplars, without } from "./exemplars.ts"
import { fill } from "./fill.ts"
import { type Lane, type LaneOptions, openNew, openQuery, openRecorded, removeVectors, runs } from "./Lane.ts"
import { Models, ModelsError, type Serving } from "./Models.ts"
import { lacks, makePace, statusOf } from "./status.ts"

export interface ModelsOptions extends LaneOptions {
  /** Serves in a new data folder. */
  readonly preset: string
}

/** Longest time that indexing waits for a switch: the new model catches up with what was indexed in the last moment. */
const longestHold = Duration.seconds(30)
/** Stacks that the re-ranker of a model that is only compared keeps in memory, MiB. */
const comparedCache = 64

interface Current extends Serving {
  readonly queryScope: Scope.Closeable
  /** Who still uses it. */
  users: number
}

const refused = (message: string) => new ModelsError({ reason: "refused", message })

const startServing = Effect.fnUntraced(function* (options: ModelsOptions, record: ModelRecord | undefined) {
  const records = yield* ModelRecords
  const now = yield* Clock.currentTimeMillis
  if (record !== undefined && existsSync(dirname(journalPath(options.dir, record.id)))) {
    const lane = yield* openRecorded(options, record)
    return runs(lane) ? lane : yield* new ModelError({ message: lane.problem ?? "the model does not run" })
  }
  const lane = yield* openNew(options, record?.preset ?? presetOf(options.preset), { serves: true })
  const { id, dimension, inputSize, gridSize } = lane.model
  const made = { id, preset: lane.preset, dimension, inputSize, gridSize }
  // Its vectors are gone with their folder, so another file under the same name may take its place.
  if (record !== undefined && record.id !== id) yield* records.replace(record.id, made, now)
  if (record === undefined) yield* records.add(made, now)
  return lane
})

const make = Effect.fnUntraced(function* (options: ModelsOptions) {
  const records = yield* ModelRecords
  const ledger = yield* Ledger
  const services = yield* Effect.context<Ledger | ModelRecords | Decoder | Blobs>()
  const scope = yield* Effect.scope
  const pace = makePace()
  /** One change of models at a time; one step of filling at a time; no indexing while the serving model changes. */
  const [changing, filling, indexing] = [yield* Semaphore.make(1), yield* Semaphore.make(1), yield* Semaphore.make(1)]

  const open = Effect.fnUntraced(function* (lane: Serving | (Lane & { readonly embedder: Serving["embedder"] })) {
    const queryScope = yield* Scope.fork(scope)
    const query = yield* openQuery(options, lane, queryScope)
    return { ...lane, query, queryScope, users: 0 } satisfies Current
  })

  const recorded = yield* records.list
  for (const { id } of recorded.filter(({ role }) => role === "dropping")) {
    yield* removeVectors(options, id)
    yield* records.forget(id)
  }
  let current: Current = yield* open(
    yield* startServing(
      options,
      recorded.find(({ role }) => role === "serving"),
    ),
  )
  let others: ReadonlyArray<Lane> = yield* Effect.forEach(
    recorded.filter(({ role }) => role === "other"),
    (record) => openRecorded(options, record),
  )
  if (presetOf(options.preset) !== current.preset) {
    yield* Effect.logWarning(
      `model.preset is ${options.preset}, but ${current.preset} serves here: the key counts for a new data folder only; change the model with \`region-gateway model shadow\` and \`switch\``,
      { serving: current.model.id },
    )
  }
  for (const lane of others) {
    const { id } = lane.model
    if (lane.problem !== undefined) yield* Effect.logError(`a model cannot embed: ${lane.problem}`, { model: id })
    // A folder that was lost, or changes that a power cut took back: everything is looked at once more.
    const { slices } = yield* lane.index.state
    yield* records.again(id, slices !== (yield* ledger.totals).slices.indexed)
  }

  const serving: Models["Service"]["serving"] = Effect.acquireRelease(
    Effect.sync(() => {
      current.users += 1
      return current
    }),
    (lane) => Effect.sync(() => void ((lane as Current).users -= 1)),
  )
  /** Ends when nobody asks that lane any more. */
  const idle = (lane: Current) =>
    Effect.suspend(() => (lane.users === 0 ? Effect.void : Effect.fail("in use"))).pipe(
      Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 1200 }),
      Effect.ignore,
    )
  const all = (): ReadonlyArray<Lane> => [current, ...others]
  const fillLane = (lane: Lane) =>
    runs(lane)
      ? filling.withPermit(
          Effect.flatMap(Clock.currentTimeMillis, (began) =>
            Effect.tap(fill(lane), (looked) =>
              Effect.map(Clock.currentTimeMillis, (ended) => pace.note(lane.model.id, looked, ended - began)),
            ),
          ),
        )
      : Effect.succeed(0)
  const named = Effect.fnUntraced(function* (preset: string) {
    const wanted = presetOf(preset)
    const found = all().find((lane) => lane.preset === wanted || lane.model.id === preset)
    return (
      found ??
      (yield* new ModelsError({ reason: "unknown", message: `no model ${preset} here; \`model list\` shows them` }))
    )
  })

  const shadow = Effect.fnUntraced(function* (preset: string) {
    const wanted = presetOf(preset)
    if (wanted === current.preset) return yield* refused(`${wanted} serves already`)
    const known = others.find((lane) => lane.preset === wanted)
    if (known !== undefined && runs(known)) return yield* records.again(known.model.id, false)
    if (others.length > 0) {
      return yield* refused(
        `${others[0]!.preset} is kept beside ${current.preset}; drop it first: there are two models at the most`,
      )
    }
    const lane = yield* openNew(options, wanted, { serves: false }).pipe(
      Effect.catchTag("ModelError", ({ message }) => Effect.fail(new ModelsError({ reason: "preset", message }))),
    )
    const { id, dimension, inputSize, gridSize } = lane.model
    if (id === current.model.id) {
      yield* Scope.close(lane.scope, Exit.void)
      return yield* refused(`${wanted} is the model that serves`)
    }
    // Known before anything is read from the ledger: what is deleted from now on goes from its index too.
    others = [lane]
    // What was deleted before is not in the ledger any more: nothing of it can come.
    yield* lane.index.buried(yield* current.index.buriedUpTo)
    yield* records.add({ id, preset: wanted, dimension, inputSize, gridSize }, yield* Clock.currentTimeMillis).pipe(
      Effect.onError(() => {
        others = []
        return Scope.close(lane.scope, Exit.void)
      }),
    )
    yield* Effect.logInfo("a model is filled beside the one that serves", { model: id, serving: current.model.id })
  })

  const drop = Effect.fnUntraced(function* (preset: string) {
    const lane = yield* named(preset)
    if (lane.model.id === current.model.id) return yield* refused(`${lane.preset} serves; switch to another one first`)
    yield* records.dropping(lane.model.id, yield* Clock.currentTimeMillis)
    others = others.filter((other) => other !== lane)
    if ("users" in lane) yield* idle(lane as Current)
    yield* filling.withPermit(Scope.close(lane.scope, Exit.void))
    yield* removeVectors(options, lane.model.id)
    yield* records.forget(lane.model.id)
    yield* Effect.logInfo("a model's vectors are removed", { model: lane.model.id })
  }, Effect.uninterruptible)

  /** Until nothing is missing, for a bounded time: what comes meanwhile waits. */
  const catchUp = (lane: Lane) =>
    Effect.gen(function* () {
      while ((yield* fillLane(lane)) > 0);
    }).pipe(Effect.timeoutOption(longestHold))

  const change = Effect.fnUntraced(function* (
    { preset, back }: { readonly preset?: string; readonly back: boolean },
    anyway: boolean,
  ) {
    const target = preset === undefined ? others[0] : yield* named(preset)
    if (target === undefined) return yield* refused("there is no other model; begin one with `model shadow PRESET`")
    if (target.model.id === current.model.id) return yield* refused(`${target.preset} serves already`)
    if (!runs(target)) return yield* refused(target.problem ?? "the model does not run")
    const record = (yield* records.list).find(({ id }) => id === target.model.id)
    if (back && record?.served !== true) {
      return yield* refused(`${target.preset} never served: there is nothing to go back to`)
    }
    const before = yield* lacks(target)
    if (!anyway && !before.nearly) return yield* refused(before.why)
    yield* renewExemplars(target)
    const old = current
    const next = yield* open(target)
    return yield* Effect.uninterruptibleMask((restore) =>
      indexing.withPermit(
        Effect.gen(function* () {
          // Whoever asked may still go away; from the commit on it is done.
          if (!anyway) yield* restore(catchUp(target))
          const left = yield* lacks(target)
          if (!anyway && !left.complete) return yield* refused(left.why)
          yield* records.serve(target.model.id, yield* Clock.currentTimeMillis)
          current = next
          others = [old]
          return { serving: next.model.id, before: old.model.id, slicesNotSearchable: left.slices }
        }),
      ),
    ).pipe(
      Effect.onError((cause) => Scope.close(next.queryScope, Exit.failCause(cause))),
      Effect.tap(() => Effect.forkIn(Effect.andThen(idle(old), Scope.close(old.queryScope, Exit.void)), scope)),
      Effect.tap((done) => Effect.logInfo("another model serves", done)),
      Effect.flatMap((done) =>
        Effect.map(without(next), (rules) => ({ ...done, standingRegionsWithout: rules.map(({ id }) => id) })),
      ),
      Effect.tap(({ standingRegionsWithout }) =>
        standingRegionsWithout.length === 0
          ? Effect.void
          : Effect.logWarning("standing regions that cannot be matched with this model: the study of each is gone", {
              standingRegions: standingRegionsWithout.join(","),
            }),
      ),
    )
  })

  const comparing: Models["Service"]["compare"] = (asked) =>
    Effect.gen(function* () {
      const lane = yield* serving
      const other = others[0]
      if (other === undefined) return yield* refused("there is no other model; begin one with `model shadow PRESET`")
      const query = yield* openQuery(options, other, yield* Effect.scope, comparedCache)
      return yield* compare(lane, { ...other, query }, asked)
    }).pipe(Effect.scoped, Effect.provideContext(services))

  let renewed = 0
  const fillAll = Effect.gen(function* () {
    let looked = 0
    for (const lane of all()) looked += yield* fillLane(lane)
    const now = yield* Clock.currentTimeMillis
    if (looked > 0 || now < renewed + 5000) return looked
    renewed = now
    for (const lane of all()) if (runs(lane)) yield* renewExemplars(lane)
    return looked
  })

  return Models.of({
    serving,
    lanes: Effect.sync(all),
    whileServing: (use) => indexing.withPermit(Effect.suspend(() => use(current))),
    status: Effect.gen(function* () {
      const list = yield* records.list
      return yield* Effect.forEach(all(), (lane) => statusOf(lane, list, pace))
    }).pipe(Effect.provideContext(services)),
    fill: fillAll.pipe(Effect.provideContext(services)),
    shadow: (preset) =>
      changing
        .withPermit(shadow(preset))
        .pipe(Effect.provideService(Scope.Scope, scope), Effect.provideContext(services)),
    compare: (asked) => changing.withPermit(comparing(asked)),
    change: (to, anyway) => changing.withPermit(change(to, anyway)).pipe(Effect.provideContext(services)),
    drop: (preset) => changing.withPermit(drop(preset)),
  })
})

/** Fails at start, with words for the person who wrote the preset, when the model that is to serve does not run. */
export const layer = (options: ModelsOptions) => Layer.effect(Models, make(options))
