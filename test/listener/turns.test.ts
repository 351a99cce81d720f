// What takes long to read does not take the thread that answers everybody.
import { deflateRawSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import { element, part10 as written, sequence } from "../dicom/part10.fixture.ts"
import { longestTurn } from "../support/longest-turn.ts"
import { post, related, startStow, volume } from "./stow-server.fixture.ts"

/** Milliseconds of its own CPU. Reading any of the inputs below takes the thread that does it a multiple. */
const bound = 150

const ids = (n: number) =>
  Buffer.concat([
    element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2.1"),
    element(0x00080018, "UI", `1.2.3.${n}`),
    element(0x0020000d, "UI", "1.2.3"),
    element(0x0020000e, "UI", "1.2.3.4"),
  ])

const flat = (count: number) =>
  Array.from({ length: count }, (_, i) => element(0x00291100 + (i >> 15) * 0x20000 + (i & 0x7fff), "LO", "ab"))
const perFrame = sequence(
  0x52009230,
  Array.from({ length: 4096 }, (_, frame) =>
    sequence(0x00209111, [Buffer.concat(Array.from({ length: 60 }, (_, i) => element(0x00209156 + i, "US", frame)))]),
  ),
)
const deflated = (data: Uint8Array) =>
  Buffer.concat([written(Buffer.alloc(0), "1.2.840.10008.1.2.1.99"), deflateRawSync(data, { level: 1 })])
const files = {
  "290,000 elements": written(Buffer.concat([ids(1), ...flat(290_000)])),
  "4096 frames with their groups": written(Buffer.concat([ids(2), perFrame])),
  "31 MiB of values": written(
    Buffer.concat([
      ids(3),
      ...Array.from({ length: 31 }, (_, i) => element(0x00291100 + i, "UT", Buffer.alloc(2 ** 20 - 64, "a\\"))),
    ]),
  ),
  "a deflated value of 120 MiB": deflated(
    Buffer.concat([ids(4), element(0x00204000, "UT", Buffer.alloc(120 * 2 ** 20, 0x61))]),
  ),
}

describe("turns of the main thread", () => {
  for (const [name, bytes] of Object.entries(files)) {
    it.live(
      `are short while ${name} are stored`,
      () =>
        Effect.gen(function* () {
          const stow = yield* startStow()
          // Everything is loaded.
          assert.strictEqual((yield* post(stow, related(volume.slice(0, 2)))).status, 200)
          const body = related([bytes])
          const { result, longest, turns } = yield* longestTurn(post(stow, body))
          assert.deepStrictEqual([result.status, result.stored.length], [200, 1])

          assert.isBelow(longest, bound)
          assert.isAbove(turns, 10)
        }),
      60_000,
    )
  }

  const attributes = (n: number, count: number) => ({
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2.1"] },
    "00080018": { vr: "UI", Value: [`1.2.3.${n}`] },
    "0020000D": { vr: "UI", Value: ["1.2.3"] },
    "0020000E": { vr: "UI", Value: ["1.2.3.4"] },
    ...Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        (0x00291100 + (i >> 15) * 0x20000 + (i & 0x7fff)).toString(16).padStart(8, "0"),
        { vr: "US", Value: [i & 0xff] },
      ]),
    ),
  })
  const documents = {
    json: JSON.stringify([attributes(5, 250_000)]),
    xml: nativeXml(attributes(6, 120_000)),
  }
  for (const [syntax, text] of Object.entries(documents)) {
    it.live(
      `are short while long metadata comes as ${syntax}`,
      () =>
        Effect.gen(function* () {
          const stow = yield* startStow()
          assert.strictEqual((yield* post(stow, related(volume.slice(0, 2)))).status, 200)
          const body = Buffer.from(text)
          const headers = { "content-type": `application/dicom+${syntax}` }
          const { result, longest } = yield* longestTurn(post(stow, body, { headers }))
          assert.deepStrictEqual([result.status, result.stored.length], [200, 1])

          assert.isBelow(longest, bound)
        }),
      60_000,
    )
  }

  it.live(
    "are short while the parts of a request are as many as it may have",
    () =>
      Effect.gen(function* () {
        const stow = yield* startStow()
        const one = written(ids(7))
        assert.strictEqual((yield* post(stow, related([one]))).status, 200)
        const body = related(Array.from({ length: 20_000 }, () => one))
        const { result, longest } = yield* longestTurn(post(stow, body))
        assert.deepStrictEqual([result.status, result.stored.length], [200, 20_000])

        assert.isBelow(longest, bound)
      }),
    60_000,
  )
})
