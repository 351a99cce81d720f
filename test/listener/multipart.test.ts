// The splitter: any chunking gives the same parts, and a body that breaks off is never taken for a whole one.
import * as fc from "fast-check"
import { assert, describe, it } from "@effect/vitest"
import { makeSplitter, type Piece } from "../../src/listener/multipart.ts"

const read = (boundary: string, chunks: ReadonlyArray<Uint8Array>) => {
  const splitter = makeSplitter(boundary)
  const parts: Array<{ type: string | undefined; body: Buffer; complete: boolean }> = []
  let broken: string | undefined
  const take = (piece: Piece) => {
    if (piece._tag === "Head") {
      parts.push({ type: piece.headers.get("content-type"), body: Buffer.alloc(0), complete: false })
    } else if (piece._tag === "Broken") broken = piece.reason
    else {
      const part = parts.at(-1)!
      if (piece._tag === "Data") part.body = Buffer.concat([part.body, piece.bytes])
      else part.complete = true
    }
  }
  for (const chunk of chunks) splitter.push(chunk).forEach(take)
  splitter.end().forEach(take)
  return { parts, broken }
}

const cut = (bytes: Uint8Array, sizes: ReadonlyArray<number>) => {
  const chunks: Array<Uint8Array> = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.slice(at, at + size))
    at += size
  }
  return chunks
}

interface Framing {
  readonly preamble?: Uint8Array
  readonly padding?: string
  readonly epilogue?: Uint8Array
}
const write = (boundary: string, bodies: ReadonlyArray<Uint8Array>, framing: Framing = {}) => {
  const { preamble = Buffer.alloc(0), padding = "", epilogue = Buffer.alloc(0) } = framing
  return Buffer.concat([
    preamble,
    ...bodies.flatMap((body) => [
      Buffer.from(`\r\n--${boundary}${padding}\r\nContent-Type: application/dicom\r\n\r\n`, "latin1"),
      body,
    ]),
    Buffer.from(`\r\n--${boundary}--${padding}`, "latin1"),
    epilogue,
  ])
}

/** RFC 2046 §5.1.1. */
const boundaries = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(..."ab01'()+_,-./:=? "), maxLength: 69 }),
    fc.constantFrom(..."ab01'()+_,-./:=?"),
  )
  .map((parts) => parts.join(""))
/** Made of what delimiters are made of, so that near misses are common. */
const nearMiss = (boundary: string) => {
  const words = ["\r", "\n", "\r\n", "-", "--", boundary.slice(0, -1), "\r\n--", `\r\n--${boundary.slice(0, -1)}`, "x"]
  const pieces = fc.array(fc.constantFrom(...words, `${boundary}x`, `--${boundary}`), { maxLength: 20 })
  return pieces.map((texts) => Buffer.from(texts.join("").replaceAll(`\r\n--${boundary}`, "~"), "latin1"))
}
const cases = boundaries.chain((boundary) => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each))
  return fc.record({
    boundary: fc.constant(boundary),
    bodies: fc.array(fc.oneof(nearMiss(boundary), bytes), { minLength: 1, maxLength: 5 }),
    preamble: nearMiss(boundary),
    padding: fc.constantFrom("", " ", "\t \t"),
    epilogue: nearMiss(boundary),
    sizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
  })
})
/** A line that begins as a delimiter does is one, wherever it stands. */
const isClean = ({
  boundary,
  bodies,
  preamble,
}: {
  readonly boundary: string
  readonly bodies: ReadonlyArray<Buffer>
  readonly preamble: Buffer
}) => [...bodies, preamble].every((each) => !`\r\n${each.toString("latin1")}`.includes(`\r\n--${boundary}`))

describe("multipart splitter", () => {
  it("gives the same parts however the body is framed and cut", () =>
    fc.assert(
      fc.property(cases.filter(isClean), ({ boundary, bodies, sizes, ...framing }) => {
        const { parts, broken } = read(boundary, cut(write(boundary, bodies, framing), sizes))
        assert.isUndefined(broken)
        assert.deepStrictEqual(
          parts.map(({ body }) => body.toString("hex")),
          bodies.map((body) => body.toString("hex")),
        )
        assert.isTrue(parts.every(({ complete, type }) => complete && type === "application/dicom"))
      }),
      { numRuns: 1000 },
    ))

  it("says the same of any bytes however they are cut, and never throws", () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("--bo", "\r\n", "\r\n--bo", "--", ": ", "a", "\n", "\0", " ", "--bo--"), {
          maxLength: 40,
        }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        (words, sizes) => {
          const bytes = Buffer.from(words.join(""), "latin1")
          assert.deepStrictEqual(read("bo", cut(bytes, sizes)), read("bo", [bytes]))
        },
      ),
      { numRuns: 1000 },
    ))

  it("sees every truncation", () => {
    const whole = write("bo", [Buffer.from("abc"), Buffer.from("def")])
    for (let length = 0; length < whole.length; length++) {
      assert.isDefined(read("bo", [whole.subarray(0, length)]).broken, `cut at ${length}`)
    }
    assert.isUndefined(read("bo", [whole]).broken)
  })

  it("takes preamble, padding, epilogue, header case, folded headers and parts without header or body", () => {
    const text =
      "preamble\r\n--b'()+_,-./:=? \t\r\nCONTENT-TYPE:\r\n application/dicom\r\n\r\none\r\n" +
      "--b'()+_,-./:=?\r\n\r\ntwo\r\n--b'()+_,-./:=?\r\nX: y\r\n\r\n--b'()+_,-./:=?--\r\nepilogue --b"
    const { parts, broken } = read("b'()+_,-./:=?", cut(Buffer.from(text), [7]))
    assert.isUndefined(broken)
    assert.deepStrictEqual(
      parts.map(({ type, body }) => [type, body.toString()]),
      [
        ["application/dicom", "one"],
        [undefined, "two"],
        [undefined, ""],
      ],
    )
  })

  it("refuses an endless part header", () => {
    const chunks = [Buffer.from("--bo\r\n"), ...Array.from({ length: 40 }, () => Buffer.alloc(1024, "x"))]
    assert.strictEqual(read("bo", chunks).broken, "a part header is too long")
  })
})
