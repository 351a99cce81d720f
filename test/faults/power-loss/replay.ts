// Plays a recording again and cuts the power wherever what the disk holds or what was promised has changed.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { Effect, Exit } from "effect"
import { Blobs } from "../../../src/ledger/Blobs.ts"
import * as FileBlobs from "../../../src/ledger/file-blobs.ts"
import { makeDisk } from "./disk.ts"
import { openLedger, signatureOf } from "./held-state.ts"
import { type Found, makeJudge } from "./judge.ts"
import { journalled, workitems } from "./other-databases.ts"
import { drawn, extremes, type Luck, type Survivors, survivors } from "./power-cut.ts"
import { makePromises } from "./promises.ts"
import type { Recording } from "./recording.ts"

export interface Findings {
  /** States of the disk that were judged. */
  readonly cuts: number
  /** Of these with something unsynced that luck decided about. */
  readonly drawn: number
  /** Promises looked at, one for each instance at each cut. */
  readonly checked: number
  readonly promises: number
  readonly losses: ReadonlyArray<string>
}

export interface ReplayOptions {
  /** Of every so many steps one is a cut at which other luck is tried than "nothing unsynced"; none without. */
  readonly every?: number
  /** Seeded draws at each of them, beside the extremes. */
  readonly draws?: number
  readonly seed?: number
  /** Enough losses to know. */
  readonly stopAfter?: number
}

const data = "data"
const [nothing, ...others] = extremes

/** In memory where there is a folder for it: thousands of ledgers are written and opened. */
const scratchFolder = Effect.acquireRelease(
  Effect.try(() => mkdtempSync("/dev/shm/gateway-power-")).pipe(
    Effect.catch(() => Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-power-")))),
  ),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true })),
)

const pathOf = (scratch: string) =>
  Effect.gen(function* () {
    const { path } = yield* Blobs
    return (digest: string) => join(data, relative(scratch, path(digest as never)))
  }).pipe(Effect.provide(FileBlobs.layer({ dir: scratch })))

export const replay = ({ steps, requests }: Recording, options: ReplayOptions = {}) =>
  Effect.gen(function* () {
    const { every, draws = 0, seed = 1, stopAfter = 20 } = options
    const scratch = yield* scratchFolder
    const judge = makeJudge(yield* pathOf(join(scratch, "blobs")))
    const disk = makeDisk()
    const promises = makePromises(requests)
    const known = new Map<string, { readonly signature: string; readonly value: unknown }>()
    /** Opening a database takes longest: what did not change is not opened again. */
    const opened = <A>(found: Survivors, folder: string, open: Effect.Effect<A, unknown>) =>
      Effect.gen(function* () {
        const signature = signatureOf(found, folder)
        const before = known.get(folder)
        if (before !== undefined && before.signature === signature) return before.value as A
        const value = yield* open
        if (signature !== undefined) known.set(folder, { signature, value })
        return value
      })
    const losses: Array<string> = []
    let [cuts, lucky, checked] = [0, 0, 0]

    const cutAt = Effect.fnUntraced(function* (position: number, luck: Luck) {
      const found = survivors(disk, luck)
      const state = yield* Effect.gen(function* () {
        const models = found.names(`${data}/index`).map((model) => `${data}/index/${model}`)
        return {
          held: yield* opened(found, `${data}/ledger`, openLedger(found, `${data}/ledger`, join(scratch, "ledger"))),
          journalled: yield* opened(
            found,
            models[0] ?? `${data}/index`,
            Effect.try(() => journalled(found, `${data}/index`, join(scratch, "index"))),
          ),
          workitems: yield* opened(
            found,
            `${data}/worklist`,
            Effect.try(() => workitems(found, `${data}/worklist`, join(scratch, "worklist"))),
          ),
        } satisfies Found
      }).pipe(Effect.exit)
      cuts++
      checked += promises.promised.size
      const sentences = Exit.isSuccess(state)
        ? judge(found, state.value, promises)
        : [`it does not open: ${String(state.cause)}`]
      losses.push(...sentences.map((sentence) => `cut at step ${position}, ${luck.name}: ${sentence}`))
    })

    for (const [position, step] of steps.entries()) {
      if (losses.length >= stopAfter) break
      if (step.at === "said") promises.hear(step.message)
      else disk.play(step)
      if (step.at === "said" || (step.at === "ended" && step.operation._tag === "Sync")) {
        yield* cutAt(position, nothing!)
      }
      if (every === undefined || position % every !== 0) continue
      for (const luck of [...others, ...Array.from({ length: draws }, (_, n) => drawn(seed + position * 31 + n))]) {
        lucky++
        yield* cutAt(position, luck)
      }
    }
    return { cuts, drawn: lucky, checked, promises: promises.given(), losses } satisfies Findings
  }).pipe(Effect.scoped)
