// One stretch of the archive in the order of its UIDs: what ledger, files and journal say of the same instances.
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Receipt } from "../domain/instance.ts"
import type { SOPInstanceUID } from "../domain/uid.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { type InventoryItem, Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"

/** Instances of one stretch. */
const stretch = 500
/** Files asked for at a time. */
const together = 8
/** A delete takes the row first and the vectors soon after: what is under way is no drift. */
const underWay = ["500 millis", "2 seconds"] as const

export type Finding =
  /** Accepted, and its file is not there. */
  | { readonly kind: "blob-missing"; readonly instance: InventoryItem }
  /** Its file is not what was accepted. */
  | { readonly kind: "blob-damaged"; readonly instance: InventoryItem }
  /** Set aside as lost, and its file is there again. */
  | { readonly kind: "blob-back"; readonly instance: InventoryItem }
  /** Another number of frames in the journal than the ledger was told. */
  | { readonly kind: "frames-differ"; readonly instance: InventoryItem }
  /** In the journal, and not stored. */
  | { readonly kind: "not-stored"; readonly SOPInstanceUID: SOPInstanceUID; readonly receipt: Receipt }

export interface Looks {
  /** Looks for each instance's file. */
  readonly files: boolean
  /** Reads it and hashes it again. */
  readonly digests: boolean
}

/** Reason of what `repair` set aside; only these come back by themselves. */
export const lostReason = "blob: "

/** An instance still on its way may differ between ledger and journal; only final ones are judged. */
const settled = new Set(["indexed", "stored-only", "set-aside"])

interface Journalled {
  readonly receipt: Receipt
  readonly frames: number
}

const framesDiffer = ({ receipt, stage, indexedFrames }: InventoryItem, entry: Journalled | undefined): boolean => {
  if (!settled.has(stage)) return false
  if (stage !== "indexed") return entry?.receipt === receipt && entry.frames !== indexedFrames
  return entry === undefined || entry.receipt !== receipt || entry.frames !== indexedFrames
}

const hashOf = Effect.fnUntraced(function* (instance: InventoryItem) {
  const hash = createHash("sha256")
  yield* Stream.runForEach((yield* Blobs).read(instance.digest), (bytes) => Effect.sync(() => hash.update(bytes)))
  return hash.digest("hex")
})

const fileFinding = Effect.fnUntraced(function* (instance: InventoryItem, { digests }: Looks) {
  const size = yield* (yield* Blobs).size(instance.digest)
  if (size === undefined) return { kind: "blob-missing", instance } as const
  if (size !== instance.bytes) return { kind: "blob-damaged", instance } as const
  if (!digests) return undefined
  const hash = yield* hashOf(instance).pipe(
    // A disk that cannot give the bytes back has lost them; a file that went meanwhile is looked at again below.
    Effect.catchTag("BlobError", () => Effect.succeed("")),
  )
  return hash === instance.digest ? undefined : ({ kind: "blob-damaged", instance } as const)
})

const window = Effect.fnUntraced(function* (after: string, clip?: string) {
  const instances = yield* (yield* Ledger).inventoryAfter(after, stretch)
  const journal = yield* (yield* VectorIndex).instancesAfter(after, stretch)
  const ends = [instances, journal].flatMap((page) => {
    const last = page.at(-1)
    return page.length < stretch || last === undefined ? [] : [last.SOPInstanceUID as string]
  })
  if (clip !== undefined) ends.push(clip)
  // Up to here both are complete.
  const upTo = ends.sort()[0]
  const within = ({ SOPInstanceUID }: { readonly SOPInstanceUID: string }) =>
    upTo === undefined || SOPInstanceUID <= upTo
  return { upTo, instances: instances.filter(within), journal: journal.filter(within) }
})

/** The row is as it was when the difference was seen: then nothing under way explains it. */
const stands = Effect.fnUntraced(function* ({ SOPInstanceUID, receipt, stage, indexedFrames }: InventoryItem) {
  const found = yield* (yield* Ledger).instance(SOPInstanceUID)
  return (
    found._tag === "Some" &&
    found.value.receipt === receipt &&
    found.value.stage === stage &&
    found.value.indexedFrames === indexedFrames
  )
})

const notStored = Effect.fnUntraced(function* (after: string, clip?: string) {
  const { upTo, instances, journal } = yield* window(after, clip)
  const stored = new Set(instances.map(({ SOPInstanceUID }) => SOPInstanceUID))
  return { upTo, strays: journal.filter(({ SOPInstanceUID }) => !stored.has(SOPInstanceUID)) }
})

/** Vectors of what is not stored, and still are when a delete would have ended. */
const strays = Effect.fnUntraced(function* (after: string, upTo: string | undefined, seen: number) {
  if (seen === 0) return []
  let found = (yield* notStored(after, upTo)).strays
  for (const pause of underWay) {
    if (found.length === 0) return []
    yield* Effect.sleep(pause)
    const now = new Set(
      (yield* notStored(after, upTo)).strays.map((stray) => `${stray.SOPInstanceUID} ${stray.receipt}`),
    )
    found = found.filter((stray) => now.has(`${stray.SOPInstanceUID} ${stray.receipt}`))
  }
  return found.map(({ SOPInstanceUID, receipt }): Finding => ({ kind: "not-stored", SOPInstanceUID, receipt }))
})

/** What differs after a UID, what was looked at, and where to go on; no `next` at the end. */
export const compareAfter = Effect.fnUntraced(function* (after: string, looks: Looks) {
  const { upTo, instances, journal } = yield* window(after)
  const journalled = new Map(journal.map((entry) => [entry.SOPInstanceUID, entry]))
  const stored = new Set(instances.map(({ SOPInstanceUID }) => SOPInstanceUID))
  const seen = yield* Effect.forEach(
    instances,
    Effect.fnUntraced(function* (instance) {
      const findings: Array<Finding> = []
      const lost = instance.stage === "set-aside" && instance.reason?.startsWith(lostReason) === true
      if (looks.files) {
        const finding = yield* fileFinding(instance, looks)
        // What was set aside as lost has been told; it is news only when it is back.
        if (finding !== undefined) findings.push(finding)
        else if (lost) findings.push({ kind: "blob-back", instance })
      }
      if (!lost && framesDiffer(instance, journalled.get(instance.SOPInstanceUID)))
        findings.push({ kind: "frames-differ", instance })
      return findings.length > 0 && (yield* stands(instance)) ? findings : []
    }),
    { concurrency: together },
  )
  const unknown = journal.filter(({ SOPInstanceUID }) => !stored.has(SOPInstanceUID)).length
  const findings = [...seen.flat(), ...(yield* strays(after, upTo, unknown))]
  return {
    findings,
    instances: instances.length,
    bytes: instances.reduce((sum, { bytes }) => sum + bytes, 0),
    next: upTo,
  }
})
