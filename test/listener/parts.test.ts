// Parts as streams: read in full, in part or not at all, and what ends them early.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { MultipartError } from "../../src/listener/multipart-error.ts"
import { boundaryOf, splitParts, type Part } from "../../src/listener/parts.ts"
import { related, boundary, seeded } from "./stow-server.fixture.ts"

const textOf = (part: Part) =>
  Effect.map(Stream.runCollect(part.body), (chunks) => Buffer.concat(chunks).toString("latin1"))
const words = (count: number) => Array.from({ length: count }, (_, n) => `part ${n} ${"x".repeat(n * 37)}\r\n--front`)
const cut = (body: Buffer, below: (n: number) => number) => {
  const chunks: Array<Buffer> = []
  for (let at = 0; at < body.length; at += chunks.at(-1)!.length) chunks.push(body.subarray(at, at + 1 + below(50)))
  return Stream.fromIterable(chunks)
}
const boundaryIn = (contentType: string | undefined) =>
  boundaryOf(contentType, "application/dicom").pipe(Effect.catch(({ reason }) => Effect.succeed(`!${reason}`)))

describe("parts", () => {
  it.effect("come in order with their bytes, however the body is cut", () =>
    Effect.gen(function* () {
      const below = seeded(3)
      const body = related(words(20).map((word) => Buffer.from(word)))
      for (let round = 0; round < 50; round++) {
        const read = yield* splitParts(cut(body, below), boundary).pipe(Stream.mapEffect(textOf), Stream.runCollect)
        assert.deepStrictEqual([...read], words(20))
      }
    }),
  )

  it.effect("what is not read of a part is skipped, and cannot be read once the next one is there", () =>
    Effect.gen(function* () {
      const kept: Array<Part> = []
      const body = cut(related(words(6).map((word) => Buffer.from(word))), seeded(5))
      const read = yield* splitParts(body, boundary).pipe(
        Stream.mapEffect(
          Effect.fnUntraced(function* (part) {
            kept.push(part)
            if (kept.length % 2 === 0) return yield* textOf(part)
            return yield* Stream.runDrain(Stream.take(part.body, 1)).pipe(Effect.as("skipped"))
          }),
        ),
        Stream.runCollect,
      )
      assert.deepStrictEqual(
        [...read],
        words(6).map((word, n) => (n % 2 === 1 ? word : "skipped")),
      )
      assert.deepStrictEqual(
        yield* Effect.forEach(kept, textOf),
        words(6).map(() => ""),
      )
    }),
  )

  it.effect("a body that breaks off fails the part in hand", () =>
    Effect.gen(function* () {
      const body = related([Buffer.from("one"), Buffer.from("two")])
      const read: Array<string> = []
      const error = yield* splitParts(Stream.make(body.subarray(0, body.length - 6)), boundary).pipe(
        Stream.mapEffect(textOf),
        Stream.runForEach((text) => Effect.sync(() => read.push(text))),
        Effect.flip,
      )
      assert.strictEqual(error.reason, "malformed")
      assert.deepStrictEqual(read, ["one"])
    }),
  )

  it.effect("a source that fails, and parts beyond the limit, fail the stream", () =>
    Effect.gen(function* () {
      const idle = new MultipartError({ reason: "idle", detail: "no bytes" })
      const failing = Stream.concat(Stream.make(related([Buffer.from("one")]).subarray(0, 60)), Stream.fail(idle))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(splitParts(failing, boundary))), idle)
      const three = Stream.make(related(words(3).map((word) => Buffer.from(word))))
      const error = yield* Effect.flip(Stream.runDrain(splitParts(three, boundary, 2)))
      assert.strictEqual(error.reason, "too-many-parts")
    }),
  )

  it.effect("a boundary is taken quoted or not, and only from multipart/related of the root type", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string | undefined, string]> = [
        ["multipart/related; boundary=abc", "abc"],
        ['Multipart/Related;TYPE="Application/Dicom";BOUNDARY="a b;=,\\"c"', 'a b;=,"c'],
        ["multipart/related; type=application/dicom+xml; boundary=abc", "!unsupported"],
        ["multipart/form-data; boundary=abc", "!unsupported"],
        [undefined, "!unsupported"],
        ["multipart/related", "!malformed"],
        ['multipart/related; boundary="ends in space "', "!malformed"],
        [`multipart/related; boundary=${"b".repeat(73)}`, "b".repeat(73)],
        [`multipart/related; boundary=${"b".repeat(201)}`, "!malformed"],
      ]
      for (const [contentType, expected] of cases)
        assert.strictEqual(yield* boundaryIn(contentType), expected, contentType)
    }),
  )
})
