// Objects with long headers are read back and found without holding the thread that answers everybody.
import { deflateRawSync } from "node:zlib"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { element, part10, sequence } from "../dicom/part10.fixture.ts"
import { longestTurn } from "../support/longest-turn.ts"
import { dicomwebServer, get, storeFiles } from "./dicomweb-server.fixture.ts"

/** Milliseconds of its own CPU. */
const bound = 200
/** Bytes of the value that is not worth keeping in the ledger. */
const valueBytes = 48 * 2 ** 20

const ids = (n: number) =>
  Buffer.concat([
    element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2.1"),
    element(0x00080018, "UI", `1.2.3.${n}`),
    element(0x0020000d, "UI", "1.2.3"),
    element(0x0020000e, "UI", "1.2.3.4"),
  ])
const manyElements = (n: number) => {
  const private_ = Array.from({ length: 3000 }, (_, i) => element(0x00291100 + i, "LO", "ab"))
  const frames = Array.from({ length: 4096 }, (_, frame) =>
    sequence(0x00209111, [Buffer.concat(Array.from({ length: 30 }, (_, i) => element(0x00209156 + i, "US", frame)))]),
  )
  return part10(Buffer.concat([ids(n), ...private_, sequence(0x52009230, frames)]))
}
const deflated = Buffer.concat([
  part10(Buffer.alloc(0), "1.2.840.10008.1.2.1.99"),
  deflateRawSync(Buffer.concat([ids(9), element(0x00204000, "UT", Buffer.alloc(valueBytes, 0x61))])),
])

it.live(
  "long headers are described, found and read in short turns",
  () =>
    Effect.gen(function* () {
      const base = yield* dicomwebServer
      const addresses = yield* Effect.promise(() => storeFiles(base, [1, 2, 3, 4].map(manyElements)))
      const [bulk] = yield* Effect.promise(() => storeFiles(base, [deflated]))
      // Length only: reading the text as JSON here would be our own turn.
      const lengthOf = (url: string, accept?: string) =>
        longestTurn(
          Effect.promise(async () => {
            const response = await get(url, accept, { "accept-encoding": "identity" })
            let length = 0
            for await (const chunk of response.body ?? []) length += chunk.length
            return { status: response.status, length }
          }),
        )
      const json = yield* lengthOf(`${addresses[0]}/metadata`)
      assert.strictEqual(json.result.status, 200)
      assert.isAbove(json.result.length, 4096 * 30 * 20)
      const xml = yield* lengthOf(`${addresses[1]}/metadata`, "application/dicom+xml")
      assert.isAbove(xml.result.length, 4096 * 30 * 40)
      const search = yield* lengthOf(`${base}/instances?includefield=all&00291105=ab`)
      assert.strictEqual(search.result.status, 200)
      assert.isAbove(search.result.length, 4 * 3000 * 20)
      const value = yield* lengthOf(`${bulk}/bulkdata/00204000`)
      assert.deepStrictEqual(value.result, { status: 200, length: valueBytes })
      for (const { longest } of [json, xml, search, value]) assert.isBelow(longest, bound)
    }),
  120_000,
)
