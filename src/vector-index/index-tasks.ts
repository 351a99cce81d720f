// Worker module: the one thread that owns a model's journal and index. Each task answers an Outcome, in the order asked.
import { move, transferableSymbol, valueSymbol } from "piscina"
import { existsSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { workerData } from "node:worker_threads"
import type { SeriesInstanceUID } from "../domain/uid.ts"
import { emptyGraph, type Graph } from "./graph.ts"
import { OtherDimension, type PackedSlices, type Removal } from "./journal.ts"
import type { JournalReaderOptions } from "./journal-reader.ts"
import { journalPath } from "./journal-schema.ts"
import { openIndex, type Opened } from "./open-index.ts"
import { partPath, removeSnapshots, type Saved, strangeSnapshots } from "./snapshot.ts"
import type { Traces } from "./VectorIndex.ts"

/** A plain value: exceptions lose their code on the way between threads. */
export type Outcome<A> = (
  | { readonly ok: true; readonly value: A }
  | { readonly ok: false; readonly reason: "disk-full" | "io" | "dimension"; readonly message: string }
) & { readonly warnings: ReadonlyArray<string> }

/** The index has not read the whole journal yet: advance and ask again. */
export type Settled<A> = { readonly behind: true } | { readonly behind: false; readonly value: A }

/** Neighbours by place: `slice[q × k + i]` is a row of `slices`, whose `stack` is a row of `stacks`. */
export interface SearchAnswer {
  readonly stacks: ReadonlyArray<readonly [SeriesInstanceUID: string, stack: string]>
  readonly slices: ReadonlyArray<
    readonly [stack: number, SOPInstanceUID: string, FrameNumber: number, position: number]
  >
  readonly counts: ReadonlyArray<number>
  readonly slice: Int32Array
  readonly cosine: Float32Array
}

const options = workerData as JournalReaderOptions
const folder = dirname(journalPath(options.dir, options.modelId))
let opened: Opened | undefined
let warnings: Array<string> = []
const warn = (text: string): void => void warnings.push(text)

const failure = (cause: unknown) => {
  const { code, errcode, message } = cause as { code?: unknown; errcode?: unknown; message?: unknown }
  // SQLITE_FULL
  const full = code === "ENOSPC" || errcode === 13
  const reason = cause instanceof OtherDimension ? "dimension" : full ? "disk-full" : "io"
  return { ok: false, reason, message: String(message ?? cause) } as const
}

const buffersOf = (value: unknown): Array<ArrayBuffer> =>
  ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength
    ? [value.buffer]
    : Array.isArray(value)
      ? value.flatMap(buffersOf)
      : value !== null && typeof value === "object" && !ArrayBuffer.isView(value)
        ? Object.values(value).flatMap(buffersOf)
        : []

/** Opens what is not open (the thread may be new), runs, and hands over what was warned of meanwhile. */
const task =
  <A, B>(run: (opened: Opened, argument: A) => B) =>
  (argument: A): Outcome<B> => {
    const answer = (() => {
      try {
        return { ok: true, value: run((opened ??= openIndex(options, warn)), argument) } as const
      } catch (cause) {
        return failure(cause)
      }
    })()
    const outcome = { ...answer, warnings }
    warnings = []
    return outcome
  }

/** As `task`; typed arrays of the answer are transferred. Only for answers of few, large arrays. */
const movingTask =
  <A, B>(run: (opened: Opened, argument: A) => B) =>
  (argument: A): Outcome<B> => {
    const outcome = task(run)(argument)
    return move({ [transferableSymbol]: buffersOf(outcome), [valueSymbol]: outcome }) as unknown as Outcome<B>
  }

/** The index is a cache: what it cannot follow costs a new one, not the change, which is journalled. */
const follow = (state: Opened, which: "graph" | "building", change: (graph: Graph) => void): void => {
  const graph = state[which]
  if (graph === undefined) return
  try {
    change(graph)
  } catch (cause) {
    warn(`the index could not follow and is built from the journal: ${String(cause)}`)
    state[which] = emptyGraph(options.dimension)
  }
}

const forget = (state: Opened, sequences: ReadonlyArray<number>): void => {
  if (sequences.length === 0) return
  state.logHolds = true
  const mean = state.journal.mean()
  follow(state, "graph", (graph) => graph.remove(sequences, mean))
  follow(state, "building", (graph) => graph.remove(sequences, mean))
}

/** Reads on in the journal for a bounded time; true when nothing is left. */
const advanceServing = (state: Opened, milliseconds: number): boolean => {
  let done = false
  follow(state, "graph", (graph) => (done = graph.advance(state.journal, milliseconds)))
  return done
}

const settled =
  <A, B>(run: (opened: Opened, argument: A) => B) =>
  (state: Opened, argument: A): Settled<B> =>
    advanceServing(state, 0) ? { behind: false, value: run(state, argument) } : { behind: true }

export const open = task(() => undefined)

export const add = task((state, slices: PackedSlices) => {
  const { frames, replaced } = state.journal.add(slices)
  forget(state, replaced)
  advanceServing(state, 100)
  return frames
})

export const remove = task((state, removals: ReadonlyArray<Removal>) => {
  forget(state, state.journal.remove(removals))
})

/** The ledger's deletion up to which all are known here. */
export const buriedUpTo = task(({ journal }) => journal.buriedUpTo())
export const buried = task(({ journal }, upTo: number) => journal.buried(upTo))

/** What is left of removed instances: rows, places of the index, snapshots that may hold them, the log. */
export const traces = task(({ journal, graph, saved, logHolds }, removals: ReadonlyArray<Removal>): Traces => {
  const { slices, unsaved } = journal.traces(removals)
  return {
    slices,
    indexed: graph.holds(BigUint64Array.from(unsaved, BigInt)),
    snapshots: (unsaved.length > 0 && saved > 0 ? 1 : 0) + strangeSnapshots(folder, saved).length,
    logged: logHolds,
  }
})

/** After the snapshots: true once no log holds what was removed. */
export const scrub = task((state): boolean => {
  if (state.logHolds) state.logHolds = !state.journal.emptyLog()
  return !state.logHolds && state.journal.removedSlices().sequences.length === 0
})

export const advance = task((state, milliseconds: number): boolean => {
  const { graph } = state
  const done = advanceServing(state, milliseconds)
  // Whoever waits for the end would wait for ever.
  if (state.graph !== graph) throw new Error("the index could not follow the journal")
  return done
})

export const search = movingTask(
  settled((state, { vectors, k }: { readonly vectors: Float32Array; readonly k: number }): SearchAnswer => {
    const { keys, distances, counts } = state.graph.search(vectors, k)
    const width = counts.length === 0 ? 0 : keys.length / counts.length
    const stacks: Array<readonly [string, string]> = []
    const stackRows = new Map<string, number>()
    const slices: Array<SearchAnswer["slices"][number]> = []
    const sliceRows = new Map<bigint, number>()
    const rowOf = (key: bigint): number => {
      const known = sliceRows.get(key)
      if (known !== undefined) return known
      const found = state.journal.describe(Number(key))
      let row = -1
      if (found !== undefined) {
        const [series, name, SOPInstanceUID, FrameNumber, position] = found
        const stackKey = `${series} ${name}`
        const stack = stackRows.get(stackKey) ?? stacks.push([series, name]) - 1
        stackRows.set(stackKey, stack)
        row = slices.push([stack, SOPInstanceUID, FrameNumber, position]) - 1
      }
      sliceRows.set(key, row)
      return row
    }
    const slice = new Int32Array(keys.length).fill(-1)
    counts.forEach((taken, query) => {
      for (let at = query * width; at < query * width + taken; at++) slice[at] = rowOf(keys[at] ?? 0n)
    })
    return { stacks, slices, counts, slice, cosine: distances.map((distance) => 1 - distance) }
  }),
)

export const stacks = movingTask(({ reader }, series: SeriesInstanceUID) =>
  reader.stacksOf(series).flatMap(({ stack }) => {
    const text = reader.readStackText(series, stack)
    return text === undefined ? [] : [{ ...text, locals: reader.readLocals(series, stack, 0, text.headers.length - 1) }]
  }),
)

export const state = task(({ journal, graph, saved }) => {
  const { change, slices } = journal.totals()
  return {
    sequence: change,
    slices,
    indexed: graph.size(),
    bytes: graph.bytes(),
    unsaved: change - saved,
    worn: graph.worn(),
  }
})

export const mean = task(({ journal }) => journal.mean())

export const instancesAfter = task(({ journal }, { uid, limit }: { readonly uid: string; readonly limit: number }) =>
  journal.instancesAfter(uid, limit),
)

export const held = task(({ journal }, instances: ReadonlyArray<Removal>) => journal.held(instances))

export const series = task(({ journal }) => journal.series())

/** One bounded step of building a second index; the first step with `anew`. The last one swaps. */
export const rebuild = task((state, { anew, milliseconds }: { anew: boolean; milliseconds: number }) => {
  const building = anew || state.building === undefined ? emptyGraph(options.dimension) : state.building
  state.building = building
  const of = state.journal.totals().voting
  if (!building.advance(state.journal, milliseconds)) return { done: false, slices: building.size(), of }
  state.graph = building
  delete state.building
  // The snapshot on disk is of the index that was not trusted.
  state.saved = -1
  return { done: true, slices: building.size(), of }
})

/** Nobody waits for the second index any more. */
export const abandon = task((state) => {
  delete state.building
})

export const verify = task(
  settled(({ journal, graph }) => {
    const keys = journal.keys(graph.cursor())
    const held = graph.holds(keys)
    return { missing: keys.length - held, orphaned: graph.size() - held }
  }),
)

/** Writes the index beside the snapshot; undefined when the snapshot is as new, or there is nothing to write. */
export const save = task((state): Saved | undefined => {
  const { journal, graph, saved } = state
  const { change, voting } = journal.totals()
  if (change === saved) return undefined
  if (voting === 0) {
    // No snapshot is the snapshot of an empty index.
    removeSnapshots(folder)
    journal.forgetRemoved(journal.removedSlices().upTo)
    state.graph = emptyGraph(options.dimension)
    state.saved = change
    return undefined
  }
  if (graph.size() === 0) return undefined
  const part = partPath(folder, change)
  if (existsSync(part)) rmSync(part)
  graph.save(part)
  return {
    modelId: options.modelId,
    dimension: options.dimension,
    cursor: graph.cursor(),
    size: graph.size(),
    removed: graph.removed(),
    fillers: graph.fillers(),
    removedUpTo: journal.removedSlices().upTo,
    change,
  }
})

/** After the snapshot became durable. */
export const saved = task((state, { change, removedUpTo }: Saved) => {
  state.journal.forgetRemoved(removedUpTo)
  state.saved = change
})

/** Before the thread goes. */
export const close = task((state) => {
  opened = undefined
  state.reader.close()
  state.journal.close()
})
