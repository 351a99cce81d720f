// The part of the ledger that the DICOMweb doors use, in memory.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Receipt } from "../../src/domain/instance.ts"
import { mapMatcher } from "../../src/ledger/matching.ts"
import { Ledger, type Acceptance, type Scope, type StoredInstance } from "../../src/ledger/Ledger.ts"

/** Members the doors do not use die when they are called. */
export const fakeLedger = () => {
  const rows = new Map<string, StoredInstance>()
  let receipt = 0
  const within = (scope: Scope) => (row: StoredInstance) =>
    (scope.StudyInstanceUID ?? row.StudyInstanceUID) === row.StudyInstanceUID &&
    (scope.SeriesInstanceUID ?? row.SeriesInstanceUID) === row.SeriesInstanceUID &&
    (scope.SOPInstanceUID ?? row.SOPInstanceUID) === row.SOPInstanceUID
  const groups: Array<number> = []
  const layer = Layer.mock(Ledger, {
    accept: (instances) =>
      Effect.sync(() => {
        groups.push(instances.length)
        return instances.map((instance): Acceptance => {
          const known = rows.get(instance.SOPInstanceUID)
          if (known?.digest === instance.digest) return { _tag: "Duplicate", receipt: known.receipt }
          if (known !== undefined) return { _tag: "Conflict", receipt: known.receipt, digest: known.digest }
          const row = { ...instance, receipt: Receipt.make(++receipt), stage: "accepted" as const }
          rows.set(instance.SOPInstanceUID, { ...row, embeddableFrames: 0, indexedFrames: 0 })
          return { _tag: "Stored", receipt: row.receipt }
        })
      }),
    instance: (uid) => Effect.sync(() => Option.fromNullishOr(rows.get(uid))),
    instances: (scope) => Effect.sync(() => [...rows.values()].filter(within(scope))),
    held: (scope) => Effect.sync(() => [...rows.values()].filter(within(scope))),
    heldAt: (receipts) =>
      Effect.sync(() => receipts.flatMap((wanted) => [...rows.values()].filter(({ receipt }) => receipt === wanted))),
    attributes: (receipts) =>
      Effect.sync(
        () =>
          new Map(
            [...rows.values()].flatMap((row) =>
              receipts.includes(row.receipt) ? [[row.receipt, row.attributes]] : [],
            ),
          ),
      ),
    search: ({ level, match, limit, offset, ...scope }) =>
      Effect.sync(() => {
        const key = { study: "StudyInstanceUID", series: "SeriesInstanceUID", instance: "SOPInstanceUID" } as const
        const found = [...rows.values()].filter(within(scope)).filter(({ attributes }) => mapMatcher(match)(attributes))
        const firsts = new Map(found.toReversed().map((row) => [row[key[level]], row.attributes] as const))
        const matches = [...firsts.values()].slice(offset, offset + limit)
        return { matches, remaining: Math.max(0, firsts.size - offset - matches.length), exact: true }
      }),
    isCurrent: ({ SOPInstanceUID, receipt }) => Effect.sync(() => rows.get(SOPInstanceUID)?.receipt === receipt),
    isNamed: (digest) => Effect.sync(() => [...rows.values()].some((row) => row.digest === digest)),
    delete: (scope) =>
      Effect.sync(() => {
        const instances = [...rows.values()].filter(within(scope))
        for (const { SOPInstanceUID } of instances) rows.delete(SOPInstanceUID)
        return { instances }
      }),
  })
  return { layer, rows, groups }
}
