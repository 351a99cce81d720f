// Compares blobs, ledger, journal and index, both ways.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import type { VerificationReport } from "./Api.ts"

/** An instance still on its way may differ between ledger and journal; only final ones are judged. */
const settled = new Set(["indexed", "stored-only", "set-aside"])

export const verify = Effect.fn("api.verify")(function* () {
  const blobs = yield* Blobs
  const index = yield* VectorIndex
  const instances = yield* (yield* Ledger).inventory
  const digests = new Set<string>()
  yield* Stream.runForEach(blobs.list, (digest) => Effect.sync(() => digests.add(digest)))
  const journalled = new Map((yield* index.instances).map((entry) => [entry.SOPInstanceUID, entry]))

  const blobsMissing = instances.filter(({ digest }) => !digests.has(digest)).map((instance) => instance.SOPInstanceUID)
  const named = new Set<string>(instances.map(({ digest }) => digest))
  const blobsOrphaned = [...digests].filter((digest) => !named.has(digest)).length

  const accepted = new Map(instances.map((instance) => [instance.SOPInstanceUID, instance]))
  const framesDiffering = instances
    .filter((instance) => settled.has(instance.stage))
    .filter(({ SOPInstanceUID, receipt, stage, indexedFrames }) => {
      const entry = journalled.get(SOPInstanceUID)
      if (stage !== "indexed") return entry !== undefined && entry.receipt === receipt && entry.frames !== indexedFrames
      return entry === undefined || entry.receipt !== receipt || entry.frames !== indexedFrames
    })
    .map((instance) => instance.SOPInstanceUID)
  const unknown = [...journalled.keys()].filter((uid) => !accepted.has(uid))

  const difference = yield* index.verify
  const report = { blobsMissing, blobsOrphaned, framesDiffering: [...framesDiffering, ...unknown], index: difference }
  return {
    ...report,
    consistent:
      report.blobsMissing.length === 0 &&
      report.blobsOrphaned === 0 &&
      report.framesDiffering.length === 0 &&
      difference.missing === 0 &&
      difference.orphaned === 0,
  } satisfies typeof VerificationReport.Type
})
