// Plays a recording again and cuts the power wherever what the disk holds or what was promised has changed.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { Effect, Exit } from "effect"
import { Blobs } from "../../../src/ledger/Blobs.ts"
import * as FileBlobs from "../../../src/ledger/file-blobs.ts"
import { makeDisk } from "./disk.ts"
import { type HeldState, openLedger, signatureOf } from "./held-state.ts"
import { makeJudge } from "./judge.ts"
import { drawn, extremes, type Luck, survivors } from "./power-cut.ts"
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
    const held = new Map<string, HeldState | Error>()
    const losses: Array<string> = []
    let [cuts, lucky, checked] = [0, 0, 0]

    const cutAt = Effect.fnUntraced(function* (position: number, luck: Luck) {
      const found = survivors(disk, luck)
      const signature = signatureOf(found, `${data}/ledger`)
      const known = signature === undefined ? undefined : held.get(signature)
      const opened =
        known ??
        (yield* openLedger(found, `${data}/ledger`, join(scratch, "ledger")).pipe(
          Effect.exit,
          Effect.map((exit) => (Exit.isSuccess(exit) ? exit.value : new Error(String(exit.cause)))),
        ))
      if (signature !== undefined) {
        held.clear()
        held.set(signature, opened)
      }
      cuts++
      checked += promises.promised.size
      const sentences =
        opened instanceof Error ? [`the ledger does not open: ${opened.message}`] : judge(found, opened, promises)
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
