// Files and bodies that mean harm, or are merely broken: each is answered for what it is, while other senders go on.
import { readFileSync } from "node:fs"
import { deflateRawSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { openPart10, parsePart10 } from "../../src/dicom/part10.ts"
import { SOPInstanceUID } from "../../src/domain/uid.ts"
import { element, part10 as written, sequence } from "../dicom/part10.fixture.ts"
import { boundary, post, related, type Reply, singles, startStow, volume } from "./stow-server.fixture.ts"

const reasons = ({ failed, unknown }: Reply) => [...failed, ...unknown].map((item) => item["00081197"]?.Value?.[0])
const ids = (n: number, uid = `1.2.3.${n}`) =>
  Buffer.concat([
    element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
    element(0x00080018, "UI", uid),
    element(0x0020000d, "UI", "1.2.3"),
    element(0x0020000e, "UI", "1.2.3.4"),
  ])
const file = (n: number, more: Uint8Array) => written(Buffer.concat([ids(n), more]))
const deflated = (data: Uint8Array) =>
  Buffer.concat([written(Buffer.alloc(0), "1.2.840.10008.1.2.1.99"), deflateRawSync(data)])
const explicit = volume[0]!
const metaEnd = (bytes: Buffer) => parsePart10(bytes).datasetAt

describe("broken and hostile files", () => {
  it.live("without preamble or file meta information they are stored as Part 10, the data set as it came", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const implicit = singles.find((each) => parsePart10(each).TransferSyntaxUID === "1.2.840.10008.1.2")!
      const bare = [
        [explicit.subarray(132), explicit],
        [explicit.subarray(128), explicit],
        [explicit.subarray(metaEnd(explicit)), explicit],
        [implicit.subarray(metaEnd(implicit)), implicit],
      ] as const
      for (const [bytes, whole] of bare) {
        const alone = yield* startStow()
        const reply = yield* post(alone, related([bytes]))
        assert.deepStrictEqual([reply.status, reply.stored.length], [200, 1])
        const uid = reply.stored[0]!["00081155"]!.Value![0]!
        const row = Option.getOrThrow(yield* alone.ledger.instance(SOPInstanceUID.make(uid)))
        const path = alone.blobs.path(row.digest)
        const kept = openPart10(path)
        assert.strictEqual(kept.TransferSyntaxUID, parsePart10(whole).TransferSyntaxUID)
        assert.isTrue(
          readFileSync(path)
            .subarray(kept.datasetAt)
            .equals(whole.subarray(metaEnd(whole))),
        )
        const again = yield* post(alone, related([bytes]))
        assert.deepStrictEqual([again.status, (yield* alone.ledger.totals).instances], [200, 1])
        assert.deepStrictEqual(alone.drafts(), [])
      }
      const text = yield* post(stow, related([Buffer.from("import { Enums } from 'somewhere'\n".repeat(20))]))
      assert.deepStrictEqual([text.status, reasons(text)], [409, [0xc000]])
    }),
  )

  it.live(
    "cut, contradictory and foreign files say what is wrong with them, and who they are where that can be read",
    () =>
      Effect.gen(function* () {
        const stow = yield* startStow()
        const uid = "0.0.0.0.1.8811.2.1.20010413115754.12432"
        const compressed = singles.find((each) =>
          parsePart10(each).TransferSyntaxUID.startsWith("1.2.840.10008.1.2.4.9"),
        )!
        const directory = written(ids(1))
        directory.write("1.2.840.10008.1.3.10", 140, "latin1")
        const cut = yield* post(
          stow,
          related([explicit.subarray(0, 1000), explicit.subarray(0, 100_000), compressed.subarray(0, -1000)]),
        )
        assert.deepStrictEqual([cut.status, reasons(cut), cut.unknown.length], [409, [0xc000, 0xc000, 0xc000], 0])
        assert.strictEqual(cut.failed[0]?.["00081155"]?.Value?.[0], uid)
        const meta = (tag: number, value: string) => element(tag, "UI", value)
        const named = (SOPClassUID: string, n: number) =>
          Buffer.concat([
            Buffer.alloc(128),
            Buffer.from("DICM"),
            meta(0x00020002, SOPClassUID),
            meta(0x00020003, `1.2.3.${n}`),
            meta(0x00020010, "1.2.840.10008.1.2.1"),
            ids(n),
          ])
        const dicomdir = yield* post(stow, related([named("1.2.840.10008.1.3.10", 5)]))
        assert.deepStrictEqual([dicomdir.status, reasons(dicomdir)], [409, [0x0122]])
        const other = yield* post(stow, related([named("1.2.840.10008.5.1.4.1.1.4", 6)]))
        assert.deepStrictEqual([other.status, other.failed.length], [202, 0])
        const [item] = (other.json["00081199"] as { Value: ReadonlyArray<Record<string, unknown>> }).Value
        assert.deepStrictEqual(item?.["00081196"], { vr: "US", Value: [0xb007] })
        const same = yield* post(stow, related([named("1.2.840.10008.5.1.4.1.1.2", 7)]))
        assert.strictEqual(same.status, 200)
      }),
  )

  it.live("depth, lengths, floods and bombs are refused one by one while another sender goes on", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const nested = Array.from({ length: 10_000 }).reduce<Buffer>(
        (inner) => (inner.length > 200_000 ? inner : sequence(0x00081140, [inner])),
        Buffer.alloc(0),
      )
      const item = Buffer.from("feff00e0ffffffff", "hex")
      const open = Buffer.concat([
        element(0x00081140, "SQ", Buffer.alloc(0)).subarray(0, 8),
        Buffer.from("ffffffff", "hex"),
        item,
      ])
      const huge = Buffer.concat([open.subarray(0, 12), Buffer.from("feff00e0feffffff", "hex")])
      const past = element(0x00100010, "PN", "x")
      past.writeUInt16LE(60_000, 6)
      const bad = (uid: string) => written(ids(0, uid))
      const hostile = [
        file(1, nested),
        file(2, Buffer.concat(Array.from({ length: 10_000 }, () => open))),
        file(3, huge),
        file(4, past),
        deflated(Buffer.alloc(129 * 2 ** 20)),
        deflated(Buffer.from("no data set")),
        Buffer.concat([written(Buffer.alloc(0), "1.2.840.10008.1.2.1.99"), Buffer.alloc(1000, 0xff)]),
        bad("../../../etc/passwd"),
        bad("1.2/../3"),
        bad("1.2.%2e%2e"),
        bad(`1.${"2".repeat(70)}`),
        bad(""),
        file(5, Buffer.alloc(0)).subarray(0, 140),
        Buffer.alloc(0),
      ]
      const [reply, ...good] = yield* Effect.all(
        [post(stow, related(hostile)), ...volume.map((each) => post(stow, related([each])))],
        { concurrency: "unbounded" },
      )
      assert.strictEqual(reply!.status, 409)
      assert.strictEqual(reasons(reply!).length, hostile.length)
      assert.isTrue(reasons(reply!).every((reason) => reason === 0xc000))
      assert.isTrue(good.every(({ status }) => status === 200))
      const fine = yield* post(stow, related([deflated(Buffer.concat([ids(9), Buffer.alloc(0)]))]))
      assert.strictEqual(fine.status, 200)
      assert.deepStrictEqual(stow.drafts(), [])
    }),
  )

  it.live("a hundred thousand tiny parts end at the limit, and at what refusals may cost", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const tiny = Buffer.concat([
        Buffer.from(`\r\n--${boundary}\r\n\r\nx`.repeat(100_000)),
        Buffer.from(`\r\n--${boundary}--`),
      ])
      const [flood, good] = yield* Effect.all([post(stow, tiny), post(stow, related(volume))], {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual([flood.status, good.status], [413, 200])
      assert.isString(flood.json["error"])
      assert.isAtMost(flood.unknown.length, 1100)
      const heads = Buffer.from(`\r\n--${boundary}\r\n${"X: y\r\n".repeat(5000)}`)
      assert.strictEqual((yield* post(stow, heads)).status, 400)
      assert.strictEqual((yield* post(stow, Buffer.alloc(2 ** 20, "\r\n--"))).status, 400)
      assert.deepStrictEqual(stow.drafts(), [])
    }),
  )
})
