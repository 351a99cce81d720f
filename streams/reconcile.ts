// What the ledger holds for searchable and this model's journal does not have → on its way again, from the stored bytes.
// So a new model fills its own index, and a lost index folder is made anew.
import * as Effect from "effect/Effect"
import { Ledger } from "../src/ledger/Ledger.ts"
import { VectorIndex } from "../src/vector-index/VectorIndex.ts"

/** Instances sent again in one commit. */
const batch = 500

const pass = Effect.gen(function* () {
  const ledger = yield* Ledger
  const index = yield* VectorIndex
  // Counts that agree need no comparison one by one.
  const { slices } = yield* ledger.totals
  if (slices.indexed === (yield* index.state).slices) return
  const journalled = new Set(
    (yield* index.instances).map(({ SOPInstanceUID, receipt }) => `${receipt}/${SOPInstanceUID}`),
  )
  const missing = (yield* ledger.inventory).filter(
    ({ SOPInstanceUID, receipt, stage }) => stage === "indexed" && !journalled.has(`${receipt}/${SOPInstanceUID}`),
  )
  if (missing.length === 0) return
  yield* Effect.logWarning(`${missing.length} instances are not in the index of this model: embedding them again`)
  for (let n = 0; n < missing.length; n += batch) {
    yield* ledger.requeue({ receipts: missing.slice(n, n + batch).map(({ receipt }) => receipt) })
  }
})

/** Once, at start. */
export const reconcile = Effect.andThen(pass, Effect.never)
