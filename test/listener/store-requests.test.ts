// Store requests that are fine, or fine in part: real files, duplicates, conflicts, odd but legal bodies.
import { createRequire } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { SOPInstanceUID } from "../../src/domain/uid.ts"
import {
  boundary,
  contentType,
  post,
  related,
  replyOf,
  type Reply,
  seeded,
  send,
  singles,
  startStow,
  volume,
} from "./stow-server.fixture.ts"

const require = createRequire(import.meta.url)
const changed = (file: Buffer) => {
  const copy = Buffer.from(file)
  copy[copy.length - 1]! ^= 1
  return copy
}
const uidsOf = (items: ReadonlyArray<{ readonly "00081155"?: { readonly Value?: ReadonlyArray<string> } }>) =>
  items.map((item) => item["00081155"]?.Value?.[0] ?? "")

const link = (reply: Reply) => reply.stored[0]?.["00081190"]?.Value?.[0] ?? ""
const counted = (result: string) =>
  Effect.map(Metric.snapshot, (snapshots) => {
    const found = snapshots.find(
      ({ id, attributes }) => id === "gateway_stow_instances_total" && attributes?.["result"] === result,
    )
    return found?.type === "Counter" ? Number(found.state.count) : 0
  })

describe("store requests", () => {
  it.live("stores real files of every transfer syntax, byte for byte, and answers one response module", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      // The big endian file is slice 13 in another encoding, under the same UID.
      const files = [...singles, ...volume.filter((_, index) => index !== 12)]
      const response = yield* Effect.promise(() =>
        fetch(`${stow.base}/studies`, {
          method: "POST",
          body: related(files),
          headers: { "content-type": contentType },
        }),
      )
      assert.strictEqual(response.headers.get("content-type"), "application/dicom+json")
      const reply = replyOf(response.status, {}, yield* Effect.promise(() => response.text()))
      assert.strictEqual(reply.status, 200)
      // More than one study: no RetrieveURL for all. Nothing failed: no failed sequence.
      assert.deepStrictEqual(Object.keys(reply.json).sort(), ["00081190", "00081199"])
      assert.deepStrictEqual(reply.json["00081190"], { vr: "UR" } as object)
      assert.strictEqual(reply.stored.length, files.length)
      for (const [index, uid] of uidsOf(reply.stored).entries()) {
        const row = Option.getOrThrow(yield* stow.ledger.instance(SOPInstanceUID.make(uid)))
        const kept = Buffer.concat(yield* Stream.runCollect(stow.blobs.read(row.digest)))
        assert.isTrue(kept.equals(files[index]!), `${index} ${row.TransferSyntaxUID}`)
        assert.strictEqual(row.bytes, files[index]!.length)
        assert.deepStrictEqual(reply.stored[index], {
          "00081150": { vr: "UI", Value: [row.SOPClassUID] },
          "00081155": { vr: "UI", Value: [uid] },
          "00081190": {
            vr: "UR",
            Value: [`${stow.base}/studies/${row.StudyInstanceUID}/series/${row.SeriesInstanceUID}/instances/${uid}`],
          },
        } as object)
      }
      assert.deepStrictEqual(stow.drafts(), [])
      assert.strictEqual(stow.woken(), 1)
    }),
  )

  it.live("takes what the npm dicomweb-client sends", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const { api } = require("dicomweb-client") as {
        readonly api: {
          readonly DICOMwebClient: new (options: object) => {
            readonly storeInstances: (what: object) => Promise<unknown>
          }
        }
      }
      Object.assign(globalThis, { XMLHttpRequest: (require("xhr2") as { XMLHttpRequest: unknown }).XMLHttpRequest })
      const client = new api.DICOMwebClient({ url: stow.base })
      const datasets = volume.map((file) => file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength))
      yield* Effect.promise(() => client.storeInstances({ datasets }))
      assert.strictEqual((yield* stow.ledger.totals).instances, volume.length)
    }),
  )

  it.live("fifty parts with repeats: identical copies count as stored, other content under the same UID does not", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const [study] = uidsOf((yield* post(stow, related(volume.slice(0, 1)))).stored)
      const sent = [...volume, ...volume, ...volume.slice(0, 10)]
      const again = yield* post(stow, related(sent))
      assert.strictEqual(again.status, 200)
      assert.strictEqual(again.stored.length, 50)
      assert.match(String((again.json["00081190"] as { Value: ReadonlyArray<string> }).Value[0]), /\/studies\/[0-9.]+$/)
      assert.strictEqual((yield* stow.ledger.totals).instances, volume.length)

      const before = yield* Stream.runCollect(stow.blobs.list)
      const mixed = yield* post(stow, related([volume[1]!, changed(volume[0]!), Buffer.from("no DICOM")]))
      assert.strictEqual(mixed.status, 202)
      assert.strictEqual(mixed.stored.length, 1)
      assert.deepStrictEqual(
        mixed.failed.map((item) => [item["00081155"]?.Value?.[0], item["00081197"]?.Value?.[0]]),
        [[study, 0x0111]],
      )
      assert.deepStrictEqual(
        mixed.unknown.map((item) => item["00081197"]?.Value),
        [[0xc000]],
      )
      // The refused bytes are not kept.
      assert.deepStrictEqual([...(yield* Stream.runCollect(stow.blobs.list))].sort(), [...before].sort())
      const refused = yield* post(stow, related([changed(volume[0]!)]))
      assert.strictEqual(refused.status, 409)
      assert.deepStrictEqual(Object.keys(refused.json).sort(), ["00081190", "00081198"])
      assert.strictEqual(stow.woken(), 2)
    }),
  )

  it.live("the same files from eight senders at once are stored once", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const replies = yield* Effect.forEach(Array.from({ length: 8 }), () => post(stow, related(volume)), {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual(
        replies.map(({ status, stored }) => [status, stored.length]),
        replies.map(() => [200, volume.length]),
      )
      assert.strictEqual((yield* stow.ledger.totals).instances, volume.length)
      assert.strictEqual((yield* Stream.runCollect(stow.blobs.list)).length, volume.length)
    }),
  )

  it.live("an address with a study takes that study's instances only", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const wrong = yield* post(stow, related([volume[0]!]), { path: "/studies/1.2.3" })
      assert.strictEqual(wrong.status, 409)
      assert.strictEqual(wrong.failed[0]?.["00081197"]?.Value?.[0], 0xa900)
      assert.deepStrictEqual(yield* stow.ledger.instances({}), [])
      yield* post(stow, related([volume[0]!]))
      const [row] = yield* stow.ledger.instances({})
      const path = `/studies/${row!.StudyInstanceUID}`
      const mixed = yield* post(stow, related([volume[1]!, singles[0]!]), { path })
      assert.deepStrictEqual([mixed.status, mixed.stored.length, mixed.failed.length], [202, 1, 1])
      assert.strictEqual((yield* post(stow, related([volume[2]!]), { path: "/studies/not-a-uid" })).status, 400)
    }),
  )

  it.live("links name the host that the caller used, or the configured one", () =>
    Effect.gen(function* () {
      const body = related([volume[0]!])
      const stow = yield* startStow()
      const behind = { forwarded: 'for=10.0.0.1;host="pacs.example.org";proto=https, for=10.0.0.2' }
      assert.match(
        link(yield* post(stow, body, { headers: behind })),
        /^https:\/\/pacs\.example\.org\/dicomweb\/studies\//,
      )
      const proxied = { "x-forwarded-host": "a.example:8443, b", "x-forwarded-proto": "https" }
      assert.match(link(yield* post(stow, body, { headers: proxied })), /^https:\/\/a\.example:8443\/dicomweb\//)
      const hostile = { "x-forwarded-host": 'x"><script>' }
      assert.isTrue(link(yield* post(stow, body, { headers: hostile })).startsWith(stow.base))
      const named = yield* startStow({ publicUrl: "https://gateway.example/site/" })
      assert.match(link(yield* post(named, body)), /^https:\/\/gateway\.example\/site\/dicomweb\/studies\//)
    }),
  )

  it.live("odd but legal bodies, cut at random places", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const odd = "a'()+_,-./:=? 0123456789012345678901234567890123456789012345678901234x"
      assert.strictEqual(odd.length, 70)
      const part = (header: string, file: Buffer) => [
        Buffer.from(`--${odd} \t\r\n${header}\r\n`),
        file,
        Buffer.from("\r\n"),
      ]
      const body = Buffer.concat([
        Buffer.from("a preamble\r\n"),
        ...part("", volume[0]!),
        ...part("CONTENT-type:\r\n application/dicom;transfer-syntax=1.2.840.10008.1.2.1\r\nX-More: y\r\n", volume[1]!),
        ...part("Content-Type: Application/DICOM\r\nContent-Location: /there\r\n", volume[2]!),
        Buffer.from(`--${odd}--\r\nan epilogue --${boundary}`),
      ])
      const headers = { "content-type": `Multipart/Related; Boundary="${odd}"; type="application/dicom"; start="<1>"` }
      const below = seeded(11)
      for (let round = 0; round < 6; round++) {
        const chunks: Array<Buffer> = []
        for (let at = 0; at < body.length;) {
          const next = at + 1 + below(below(4) === 0 ? 8 : 60_000)
          chunks.push(body.subarray(at, next))
          at = next
        }
        const reply = yield* Effect.promise(() => send(stow, chunks, { headers }).reply)
        assert.deepStrictEqual([reply.status, reply.stored.length], [200, 3])
      }
      assert.strictEqual((yield* stow.ledger.totals).instances, 3)
    }),
  )

  it.live("counts what became of the instances", () =>
    Effect.gen(function* () {
      const results = ["stored", "duplicate", "refused"]
      const before = yield* Effect.forEach(results, counted)
      const stow = yield* startStow()
      yield* post(stow, related([volume[0]!, volume[1]!, volume[0]!, changed(volume[1]!)]))
      const after = yield* Effect.forEach(results, counted)
      assert.deepStrictEqual(
        after.map((count, i) => count - before[i]!),
        [2, 1, 1],
      )
    }),
  )
})
