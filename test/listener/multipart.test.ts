// The splitter: any chunking gives the same parts, and a body that breaks off is never taken for a whole one.
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

const write = (boundary: string, bodies: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([
    ...bodies.flatMap((body) => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      body,
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${boundary}--`),
  ])

/** Numbers below n, the same in every run. */
const seeded = (seed: number) => {
  let state = seed
  return (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

/** Bodies made of what delimiters are made of, so that near misses are common. */
const words = ["\r", "\n", "\r\n", "-", "--", "b", "\r\n--", "\r\n--b ", "\r\n--bx", "x", "\r\n--box"]
const nearMiss = (below: (n: number) => number): Buffer => {
  const text = Array.from({ length: below(20) }, () => words[below(words.length)]).join("")
  return Buffer.from(text)
}

describe("multipart splitter", () => {
  it("gives the same parts however the body is cut", () => {
    const below = seeded(7)
    for (let run = 0; run < 2000; run++) {
      const bodies = Array.from({ length: 1 + below(5) }, () => nearMiss(below))
      const sizes = Array.from({ length: 1 + below(8) }, () => 1 + below(40))
      const { parts, broken } = read("bo", cut(write("bo", bodies), sizes))
      assert.isUndefined(broken)
      assert.deepStrictEqual(
        parts.map(({ body }) => body.toString("hex")),
        bodies.map((body) => body.toString("hex")),
      )
      assert.isTrue(parts.every(({ complete, type }) => complete && type === "application/dicom"))
    }
  })

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
