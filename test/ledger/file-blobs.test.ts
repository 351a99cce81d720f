// Blobs on a real disk: durable names, shared content, drafts that vanish.
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Digest } from "../../src/domain/instance.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { layer } from "../../src/ledger/file-blobs.ts"
import { makePins } from "../../src/ledger/pins.ts"

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
        assert.deepStrictEqual(yield* Stream.runCollect(blobs.list), [])
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

  it.live("small and large drafts, more than there is memory for, all hold, and show what they have so far", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      yield* Effect.gen(function* () {
        const blobs = yield* Blobs
        const sizes = [0, 1, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20, ...Array.from({ length: 70 }, (_, n) => 5000 + n)]
        const kept = yield* Effect.scoped(
          Effect.gen(function* () {
            const drafts = yield* Effect.forEach(sizes, () => blobs.draft)
            return yield* Effect.forEach(drafts, (draft, n) =>
              Effect.gen(function* () {
                const bytes = Buffer.alloc(sizes[n]!, `${n} `)
                for (let at = 0; at < bytes.length; at += 65_536) yield* draft.write(bytes.subarray(at, at + 65_536))
                const content = yield* draft.content
                const soFar = "bytes" in content ? Buffer.from(content.bytes) : readFileSync(content.path)
                assert.isTrue(soFar.equals(bytes), `${n}`)
                if (n % 7 === 0) assert.isTrue(readFileSync(yield* draft.asFile).equals(bytes), `${n} as a file`)
                return { sent: bytes, ...(yield* draft.commit) }
              }),
            )
          }),
        )
        for (const { digest, sent } of kept) {
          assert.strictEqual(digest, createHash("sha256").update(sent).digest("hex"))
          assert.isTrue(readFileSync(blobs.path(digest)).equals(sent))
        }
        assert.deepStrictEqual(readdirSync(join(dir, "blobs", "incoming")), [])
      }).pipe(Effect.provide(layer({ dir })))
    }),
  )

  it.live("a delete that meets the same bytes being placed takes nothing away", () =>
    Effect.gen(function* () {
      const pins = yield* makePins
      const digest = sha("same")
      let there = false
      let placings = 0
      const place = Effect.sync(() => {
        placings++
        there = true
        return digest
      })
      const gone = Effect.sync(() => void (there = false))
      // Removed after it was placed, before anybody knows its name.
      const raced = Effect.tap(place, () =>
        placings === 1 ? pins.remove(digest, Effect.succeed(false), gone) : Effect.void,
      )
      yield* pins.placed(raced)
      assert.deepStrictEqual([there, placings], [true, 2])
      assert.isFalse(yield* pins.remove(digest, Effect.succeed(false), gone))
      assert.isTrue(there)
    }).pipe(Effect.scoped),
  )
})
