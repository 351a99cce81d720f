// A blob under construction in memory: written by a thread when it is committed, or a file once it outgrows its slot.
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { Digest } from "../domain/instance.ts"
import type { Pool } from "../workers/pool.ts"
import { blobError } from "./blob-error.ts"
import type { BlobError, Draft } from "./Blobs.ts"
import type { Slots } from "./memory-slots.ts"
import type { Pins } from "./pins.ts"
import type { Placed, PlaceJob } from "./place-blob.ts"

export interface MemoryDraftOptions {
  readonly root: string
  readonly pool: Pool
  readonly slots: Slots
  readonly pins: Pins
  /** For what does not fit, or when no slot is free. */
  readonly fileDraft: Effect.Effect<Draft, BlobError, Scope.Scope>
}

export const makeDraft = ({ root, pool, slots, pins, fileDraft }: MemoryDraftOptions) =>
  Effect.gen(function* () {
    const memory = slots.take()
    if (memory === undefined) return yield* fileDraft
    const scope = yield* Effect.scope
    let held = true
    const letGo = Effect.sync(() => {
      if (held) slots.give(memory)
      held = false
    })
    yield* Scope.addFinalizer(scope, letGo)
    const view = new Uint8Array(memory)
    let bytes = 0
    let spilt: Draft | undefined
    const spill = Effect.gen(function* () {
      if (spilt !== undefined) return spilt
      const draft = yield* Scope.provide(fileDraft, scope)
      yield* draft.write(view.subarray(0, bytes))
      // The slot has another user after this.
      yield* draft.asFile
      yield* letGo
      return (spilt = draft)
    })
    const write: Draft["write"] = (chunk) =>
      Effect.suspend(() => {
        if (spilt !== undefined || bytes + chunk.length > view.length) {
          return Effect.flatMap(spill, (draft) => draft.write(chunk))
        }
        if (chunk.length === 0) return Effect.void
        // A typed array is set into shared memory word by word, and Node copies a whole buffer that way too; a part of one
        // is moved as memory is, at a fifth of the time.
        view.set(chunk.subarray(0, 1), bytes)
        Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).copy(view, bytes + 1, 1)
        bytes += chunk.length
        return Effect.void
      })
    const place = Effect.suspend(() =>
      pool.run<Placed>("place", { memory, bytes, root } satisfies PlaceJob).pipe(
        Effect.mapError(blobError),
        Effect.flatMap((answer) =>
          "digest" in answer ? Effect.succeed(Digest.make(answer.digest)) : Effect.fail(blobError(answer)),
        ),
      ),
    )
    const commit = Effect.suspend(() =>
      spilt === undefined
        ? pins.placed(place).pipe(
            Scope.provide(scope),
            Effect.map((digest) => ({ digest, bytes })),
            Effect.ensuring(letGo),
            // The slot must stay while a thread reads it.
            Effect.uninterruptible,
          )
        : spilt.commit,
    )
    return {
      write,
      content: Effect.suspend(() => spilt?.content ?? Effect.succeed({ bytes: view.subarray(0, bytes) })),
      asFile: Effect.flatMap(spill, (draft) => draft.asFile),
      commit,
    } satisfies Draft
  })
