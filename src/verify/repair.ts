// What is done about a difference. Each step asks again for the moment it is taken in, so it may be repeated and stopped at any time.
import * as Effect from "effect/Effect"
import { Blobs } from "../ledger/Blobs.ts"
import { type InventoryItem, Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { type Finding, lostReason } from "./compare.ts"

/** Kinds whose repair loses nothing: the stored file is the truth, and it is there. */
export const isSafe = ({ kind }: Finding): boolean => kind !== "blob-missing" && kind !== "blob-damaged"

/** Counted and listed as lost. */
export const setMissingAside = Effect.fnUntraced(function* (instance: InventoryItem) {
  if (instance.stage === "set-aside" && instance.reason?.startsWith(lostReason) === true) return
  yield* (yield* Ledger).setAside(instance, "blob", "its file is missing; the same bytes sent again bring it back")
})

/** True when it was mended. What is lost is only set aside: the same bytes sent again bring it back. */
export const repair = Effect.fnUntraced(function* (finding: Finding) {
  const ledger = yield* Ledger
  switch (finding.kind) {
    case "not-stored":
      yield* (yield* VectorIndex).remove([finding])
      return true
    case "frames-differ":
    case "blob-back":
      if (!(yield* ledger.isCurrent(finding.instance))) return true
      yield* ledger.requeue({ receipts: [finding.instance.receipt] })
      return true
    case "blob-damaged":
      if (!(yield* (yield* Blobs).setAside(finding.instance.digest))) return false
      yield* ledger.setAside(finding.instance, "blob", "its file is damaged; the same bytes sent again bring it back")
      return false
    case "blob-missing":
      yield* setMissingAside(finding.instance)
      return false
  }
})
