// The proof of a deletion: each place that held something is asked now, none is believed from memory.
import { access } from "node:fs/promises"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { DeletionProof } from "../domain/deletion.ts"
import type { Digest } from "../domain/instance.ts"
import { Nats } from "../events/Nats.ts"
import { Blobs } from "../ledger/Blobs.ts"
import type { Deleted } from "../ledger/deletions.ts"
import { countInBackups } from "../ledger/backups.ts"
import { Ledger, LedgerError } from "../ledger/Ledger.ts"
import { pathsOf } from "../recovery/restore.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { Worklist } from "../worklist/Worklist.ts"

const receiptsShown = 100

const iso = (millis: number) => new Date(millis).toISOString()

const blobsOf = Effect.fnUntraced(function* (deleted: Deleted, shared: ReadonlyArray<Digest>) {
  const ledger = yield* Ledger
  const blobs = yield* Blobs
  const visible = new Set(shared)
  const digests = new Set(deleted.instances.map(({ digest }) => digest))
  const left = yield* Effect.forEach(
    [...digests].filter((digest) => !visible.has(digest)),
    (digest) =>
      Effect.promise(
        () =>
          access(blobs.path(digest)).then(
            () => true,
            () => false,
          ),
        // What is there for somebody whom the caller does not see is not theirs.
      ).pipe(
        Effect.flatMap((there) => (there ? Effect.map(ledger.isNamed(digest), (is) => !is) : Effect.succeed(false))),
      ),
    { concurrency: 16 },
  )
  const remaining = left.filter((is) => is).length
  return { removed: left.length - remaining, keptForOthers: visible.size, left: remaining }
})

/** Vectors on their way from before the deletion: the broker forgets them when they were acknowledged. */
const embeddingsUntil = (lastAt: number) =>
  Effect.flatMap(Nats, (nats) => nats.stored("EMBEDDINGS")).pipe(
    Effect.map(({ messages, oldest }) => (oldest !== undefined && oldest <= lastAt ? messages : 0)),
    Effect.catch(() => Effect.succeed(-1)),
  )

const soon = "it goes within seconds"

const outstandingOf = (proof: Omit<DeletionProof, "complete" | "outstanding">): ReadonlyArray<string> => {
  const { blobs, ledger, backups, vectors, events, workItems } = proof
  const said: ReadonlyArray<readonly [left: boolean, sentence: string]> = [
    [ledger.rows > 0, `${ledger.rows} rows of the ledger are left`],
    [blobs.left > 0, `${blobs.left} files are left; the next pass over unnamed files removes them`],
    [ledger.alerts > 0, `${ledger.alerts} alerts tell of what was deleted`],
    [!ledger.filesClean, `log or pages of the ledger's file may hold deleted rows; ${soon}`],
    [backups > 0, `${backups} rows are left in copies of ledger and worklist; they go within a minute`],
    [vectors.journal > 0, `${vectors.journal} slices are left in a journal of vectors`],
    [vectors.index > 0, `${vectors.index} slices are left in an index`],
    [
      vectors.snapshots > 0,
      `${vectors.snapshots} snapshots of an index may hold deleted vectors; a new one replaces them soon`,
    ],
    [!vectors.filesClean, `the log of a journal may hold deleted vectors; ${soon}`],
    [events.outbox > 0, `${events.outbox} events of the deletion wait for the broker`],
    [events.embeddings > 0, "the broker holds vectors from before the deletion until they are worked off"],
    [events.embeddings < 0, "the broker does not answer: whether it still holds vectors is not known"],
    [workItems.own > 0, `${workItems.own} work items of the gateway tell of the study; ${soon}`],
  ]
  return said.filter(([left]) => left).map(([, sentence]) => sentence)
}

/** Undefined when the caller may see no deletion under the UID. */
export const deletionProof = Effect.fn("api.deletionProof")(function* (uid: string) {
  const ledger = yield* Ledger
  const deleted = yield* ledger.deletedUnder(uid)
  if (deleted === undefined) return undefined
  const { level, instances } = deleted
  const moments = instances.map(({ deletedAt }) => deletedAt)
  const [firstAt, lastAt] = [Math.min(...moments.slice(0, 1)), Math.max(...moments.slice(-1))]
  const { stored, shared, rows, alerts, standingRegions, logged, outbox } = yield* ledger.remains(deleted)
  // The same instance may have been deleted more than once: its last receipt stands for all before.
  const last = new Map(instances.map((instance) => [instance.SOPInstanceUID, instance]))
  const { slices, indexed, snapshots, logged: journalLogged } = yield* (yield* VectorIndex).traces([...last.values()])
  const studies = new Set(instances.map(({ StudyInstanceUID }) => StudyInstanceUID))
  const worklist = yield* Worklist
  const items = yield* Effect.forEach(studies, (study) => worklist.about(study))
  const isGone = yield* Effect.forEach(studies, (study) =>
    Effect.map(ledger.held({ StudyInstanceUID: study }), (held) => held.length === 0),
  )
  const { data } = yield* GatewayConfig
  const backups = yield* Effect.try({
    try: () =>
      countInBackups(pathsOf(data).backup, {
        receipts: instances.map(({ receipt }) => receipt),
        studies: [...studies].filter((_, i) => isGone[i]),
      }),
    catch: (cause) => new LedgerError({ reason: "io", cause }),
  })
  const measured = {
    uid,
    level,
    measuredAt: iso(yield* Clock.currentTimeMillis),
    deleted: {
      instances: instances.length,
      firstAt: iso(firstAt),
      lastAt: iso(lastAt),
      byRequest: instances.filter(({ cause }) => cause === "request").length,
      byRetention: instances.filter(({ cause }) => cause === "retention").length,
    },
    storedAgain: { instances: stored.length, receipts: stored.slice(0, receiptsShown) },
    blobs: yield* blobsOf(deleted, shared),
    ledger: { rows, alerts, filesClean: !logged },
    backups,
    vectors: { journal: slices, index: indexed, snapshots, filesClean: !journalLogged },
    events: { outbox, embeddings: yield* embeddingsUntil(lastAt) },
    workItems: {
      // Of a study that is still there they tell of what is left.
      own: items.reduce((sum, { own }, i) => sum + (isGone[i] === true ? own : 0), 0),
      clients: items.reduce((sum, { clients }) => sum + clients, 0),
    },
    kept: { standingRegions },
  }
  const outstanding = outstandingOf(measured)
  return { ...measured, complete: outstanding.length === 0, outstanding } satisfies DeletionProof
})
