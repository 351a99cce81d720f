// Loading folders: what is sent, what is tried again, and what is reported.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { writePart10 } from "../../src/convert/write-part10.ts"
import { filesBelow, loadFiles } from "../../src/load/load-folder.ts"

interface Sent {
  readonly body: Buffer
  readonly contentType: string
}
interface Reply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly failed?: ReadonlyArray<string>
  readonly stored?: ReadonlyArray<string>
}

const bodyOf = async (request: IncomingMessage) => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const items = (uids: ReadonlyArray<string>, reason?: number) => ({
  vr: "SQ",
  Value: uids.map((uid) => ({
    "00081155": { vr: "UI", Value: [uid] },
    ...(reason === undefined ? {} : { "00081197": { vr: "US", Value: [reason] } }),
  })),
})

/** A STOW-RS receiver that answers as it is told, one reply a request; the last one stays. */
const receiver = (...replies: ReadonlyArray<Reply>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sent: Array<Sent> = []
      const server = createServer((request, response) => {
        void bodyOf(request).then((body) => {
          const reply = replies[Math.min(sent.length, replies.length - 1)]!
          sent.push({ body, contentType: request.headers["content-type"] ?? "" })
          response.writeHead(reply.status, { "content-type": "application/dicom+json", ...reply.headers })
          response.end(
            JSON.stringify({ "00081198": items(reply.failed ?? [], 0xa700), "00081199": items(reply.stored ?? []) }),
          )
        })
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      return { server, sent, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicomweb/` }
    }),
    ({ server }) => Effect.sync(() => void server.close()),
  )

const instance = (uid: string) =>
  writePart10({ SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID: uid, PatientName: "A^B" })

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const root = await mkdtemp(join(tmpdir(), "load-"))
    await mkdir(join(root, "deep/er"), { recursive: true })
    await writeFile(join(root, "a.dcm"), instance("1.2.1"))
    await writeFile(join(root, "deep/er/b"), instance("1.2.2"))
    await writeFile(join(root, "readme.txt"), "no image".repeat(100))
    return root
  }),
  (root) => Effect.promise(() => rm(root, { recursive: true })),
)

const services = Layer.merge(NodeServices.layer, FetchHttpClient.layer)
const options = { concurrency: 2, batch: 10, retries: 3 }

const load = (...replies: ReadonlyArray<Reply>) =>
  Effect.gen(function* () {
    const root = yield* folder
    const { url, sent } = yield* receiver(...replies)
    const summary = yield* loadFiles(yield* filesBelow([root]), { ...options, url })
    return { root, sent, summary }
  })

describe("load", () => {
  it.live("sends the DICOM files of nested folders byte for byte and counts the others", () =>
    Effect.gen(function* () {
      const { sent, summary } = yield* load({ status: 200, stored: ["1.2.1", "1.2.2"] })
      assert.deepInclude(summary, { stored: 2, failed: [], skipped: 1 })
      assert.strictEqual(sent.length, 1)
      assert.match(sent[0]!.contentType, /^multipart\/related; type="application\/dicom"; boundary=/)
      for (const uid of ["1.2.1", "1.2.2"]) assert.isTrue(sent[0]!.body.includes(instance(uid)))
    }).pipe(Effect.scoped, Effect.provide(services)),
  )

  it.live("waits as long as a busy receiver asks, then sends everything again", () =>
    Effect.gen(function* () {
      const { sent, summary } = yield* load(
        { status: 503, headers: { "retry-after": "1" } },
        { status: 200, stored: ["1.2.1", "1.2.2"] },
      )
      assert.strictEqual(summary.stored, 2)
      assert.isAtLeast(summary.seconds, 0.95)
      assert.deepStrictEqual(sent[0]!.body, sent[1]!.body)
    }).pipe(Effect.scoped, Effect.provide(services)),
  )

  it.live("names each file that failed, and why", () =>
    Effect.gen(function* () {
      const { root, summary } = yield* load({ status: 202, stored: ["1.2.1"], failed: ["1.2.2"] })
      assert.strictEqual(summary.stored, 1)
      assert.deepStrictEqual(summary.failed, [{ path: join(root, "deep/er/b"), reason: "out of resources (0xA700)" }])
    }).pipe(Effect.scoped, Effect.provide(services)),
  )

  it.live("does not believe a 200 about a file the answer leaves out", () =>
    Effect.gen(function* () {
      const { summary } = yield* load({ status: 200, stored: ["1.2.2"] })
      assert.deepStrictEqual(
        summary.failed.map(({ reason }) => reason),
        ["the answer does not mention it"],
      )
    }).pipe(Effect.scoped, Effect.provide(services)),
  )

  it.live("gives up on a receiver that stays away", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const files = yield* filesBelow([root])
      const summary = yield* loadFiles(files, { ...options, retries: 1, url: "http://127.0.0.1:9/dicomweb" })
      assert.strictEqual(summary.stored, 0)
      assert.deepStrictEqual(
        summary.failed.map(({ reason }) => reason),
        Array.from({ length: 2 }, () => "no answer from http://127.0.0.1:9/dicomweb"),
      )
    }).pipe(Effect.scoped, Effect.provide(services)),
  )
})
