// Deletion of a study, series or instance: rows first, so that nothing shows it any more, then vectors, then files.
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { addressed, Refused } from "./answers.ts"

/** Once begun it is finished, also when the caller goes away. */
export const remove = Effect.fn("delete")(function* () {
  const scope = yield* addressed
  const ledger = yield* Ledger
  const index = yield* VectorIndex
  const blobs = yield* Blobs
  return yield* Effect.uninterruptible(
    Effect.gen(function* () {
      const { instances } = yield* ledger.delete(scope)
      if (instances.length === 0) {
        return yield* new Refused({ status: 404, error: "nothing is stored under this address" })
      }
      yield* index.remove(instances)
      yield* Effect.forEach(
        new Set(instances.map(({ digest }) => digest)),
        (digest) => blobs.remove(digest, ledger.isNamed(digest)),
        {
          discard: true,
        },
      )
      return HttpServerResponse.empty({ status: 204 })
    }),
  )
})
