// Blobs on a real disk: durable names, shared content, drafts that vanish.
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Digest } from "../../src/domain/instance.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { layer } from "../../src/ledger/file-blobs.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "blobs-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true })),
)
const store = (text: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const draft = yield* (yield* Blobs).draft
      for (const byte of Buffer.from(text)) yield* draft.write(Uint8Array.of(byte))
      return yield* draft.commit
    }),
  )
const text = (digest: Digest, range?: { offset: number; length: number }) =>
  Effect.gen(function* () {
    return Buffer.concat(yield* Stream.runCollect((yield* Blobs).read(digest, range))).toString()
  })
const sha = (value: string) => Digest.make(createHash("sha256").update(value).digest("hex"))

describe("file blobs", () => {
  it.live("keeps bytes under their digest, across a reopen, and clears leftover drafts", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      const written = yield* store("DICM body").pipe(Effect.provide(layer({ dir })))
      assert.deepStrictEqual(written, { digest: sha("DICM body"), bytes: 9 })
      writeFileSync(join(dir, "blobs", "incoming", "stale"), "half")
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(readdirSync(join(dir, "blobs", "incoming")), [])
        assert.strictEqual(yield* text(written.digest), "DICM body")
        assert.strictEqual(yield* text(written.digest, { offset: 5, length: 3 }), "bod")
        assert.strictEqual(yield* text(written.digest, { offset: 5, length: 0 }), "")
      }).pipe(Effect.provide(layer({ dir })))
    }),
  )

  it.live("concurrent commits of the same and of other content all hold", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      yield* Effect.gen(function* () {
        const words = Array.from({ length: 60 }, (_, i) => `blob ${i % 20}`)
        yield* Effect.forEach(words, store, { concurrency: 8 })
        const listed = yield* Stream.runCollect((yield* Blobs).list)
        assert.deepStrictEqual([...listed].sort(), [...new Set(words.map(sha))].sort())
        assert.deepStrictEqual(readdirSync(join(dir, "blobs", "incoming")), [])
      }).pipe(Effect.provide(layer({ dir })))
    }),
  )

  it.live("keeps what a draft has committed, or the ledger names, from being removed", () =>
    Effect.gen(function* () {
      const blobs = yield* Blobs
      const digest = yield* Effect.scoped(
        Effect.gen(function* () {
          const draft = yield* blobs.draft
          yield* draft.write(new Uint8Array([1, 2, 3]))
          const { digest } = yield* draft.commit
          assert.isFalse(yield* blobs.remove(digest, Effect.succeed(false)))
          return digest
        }),
      )
      assert.isFalse(yield* blobs.remove(digest, Effect.succeed(true)))
      assert.isTrue(yield* blobs.remove(digest, Effect.succeed(false)))
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(folder, (dir) => layer({ dir }))))),
  )

  it.live("an uncommitted draft leaves nothing; removing twice is fine; a missing blob says so", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      yield* Effect.gen(function* () {
        const blobs = yield* Blobs
        yield* Effect.scoped(Effect.flatMap(blobs.draft, (draft) => draft.write(Buffer.from("half"))))
        assert.deepStrictEqual(readdirSync(join(dir, "blobs")), ["incoming"])
        assert.deepStrictEqual(readdirSync(join(dir, "blobs", "incoming")), [])
        const { digest } = yield* store("gone")
        yield* blobs.remove(digest, Effect.succeed(false))
        yield* blobs.remove(digest, Effect.succeed(false))
        const error = yield* Effect.flip(text(digest))
        assert.strictEqual(error.reason, "missing")
        assert.isAbove(yield* blobs.free, 0)
      }).pipe(Effect.provide(layer({ dir })))
    }),
  )
})
