// Blobs, ledger and journal are compared all the time, a little at once: what the stored files can mend is mended, what is
// lost is told. At start the journal first, at full speed: so a new model fills its own index, and a lost one is made anew.
import { readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { emptyTally, type Tally } from "../src/verify/report.ts"
import { Verifier, type Walk } from "../src/verify/Verifier.ts"
import { ReceivingFirst } from "./receiving-first.ts"

export interface ReconcileOptions {
  readonly data: string
  /** Instances whose files are read again; of large ones fewer. */
  readonly instancesPerSecond: number
}

/** What an instance may weigh before it counts for several. */
const bytesEach = 512 * 1024
/** Between two passes over a small archive. */
const rest = "10 minutes"

const journalOnly: Walk = { files: false, digests: false, repair: "safe" }
const everything: Walk = { files: true, digests: true, repair: "safe" }

/** Where a pass had come to, so that a restart goes on there. */
const readCursor = (path: string): string => {
  try {
    const { after } = JSON.parse(readFileSync(path, "utf8")) as { readonly after?: unknown }
    return typeof after === "string" ? after : ""
  } catch {
    return ""
  }
}

const told = (tally: Tally) =>
  tally.repaired > 0
    ? Effect.logWarning(
        `${tally.repaired} instances differed from their stored files: embedding or removing them again`,
      )
    : Effect.void

export const reconcile = Effect.fnUntraced(function* ({ data, instancesPerSecond }: ReconcileOptions) {
  const verifier = yield* Verifier
  const { turn } = yield* ReceivingFirst
  const cursor = join(data, "verified.json")

  const first = emptyTally(yield* Clock.currentTimeMillis)
  let after: string | undefined = ""
  while (after !== undefined) after = (yield* verifier.step(after, journalOnly, first)).next
  yield* told(first)

  const tallyNow = Effect.map(Clock.currentTimeMillis, emptyTally)
  let from = yield* Effect.sync(() => readCursor(cursor))
  for (;;) {
    const tally: Tally = yield* tallyNow
    let at: string | undefined = from
    while (at !== undefined) {
      yield* turn
      const { next, bytes, instances }: { next: string | undefined; bytes: number; instances: number } =
        yield* verifier.step(at, everything, tally)
      at = next
      yield* Effect.promise(() => writeFile(cursor, JSON.stringify({ after: next ?? "" }), { mode: 0o600 }))
      const weight = Math.max(instances, bytes / bytesEach)
      yield* Effect.sleep(Duration.seconds(weight / instancesPerSecond))
    }
    yield* told(tally)
    // A pass that began in the middle has not seen all that may differ.
    if (from === "" || Object.values(tally.left).some((count) => count > 0)) yield* verifier.setDrift(tally)
    from = ""
    yield* Effect.sleep(rest)
  }
})
