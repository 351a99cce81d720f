// Ends one worker thread of a running gateway through Node's inspector: a real death, and nothing in the product for it.
import { dice, wait } from "./dice.ts"

interface Message {
  readonly method?: string
  readonly params?: Record<string, unknown>
}

/** The module that tells what a thread is for. */
const modules = { decode: "/streams/slice-worker.ts", index: "/vector-index/index-tasks.ts" } as const
export type WorkerKind = keyof typeof modules

const patience = 5000

export interface WorkerKiller {
  /** Kills one such thread; false when none is there any more. */
  readonly kill: (kind: WorkerKind, seed: number) => boolean
  readonly close: () => void
}

/** Attached to all threads of a gateway that is ready. */
export const attach = async (url: string): Promise<WorkerKiller> => {
  const socket = new WebSocket(url)
  await new Promise<void>((done, fail) => {
    socket.addEventListener("open", () => done(), { once: true })
    socket.addEventListener("error", () => fail(new Error(`no inspector at ${url}`)), { once: true })
  })
  let id = 0
  const send = (method: string, params: object) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ id: ++id, method, params }))
  }
  const tell = (sessionId: string, method: string, params: object = {}) =>
    send("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify({ id: ++id, method, params }) })
  const threads: Record<WorkerKind, Set<string>> = { decode: new Set(), index: new Set() }
  socket.addEventListener("message", ({ data }) => {
    const { method, params = {} } = JSON.parse(String(data)) as Message
    const session = String(params["sessionId"])
    if (method === "NodeWorker.attachedToWorker") tell(session, "Debugger.enable")
    if (method === "NodeWorker.detachedFromWorker") for (const kind of Object.values(threads)) kind.delete(session)
    if (method !== "NodeWorker.receivedMessageFromWorker") return
    const inner = JSON.parse(String(params["message"])) as Message
    if (inner.method !== "Debugger.scriptParsed") return
    for (const kind of ["decode", "index"] as const) {
      if (!String(inner.params?.["url"]).endsWith(modules[kind])) continue
      threads[kind].add(session)
      tell(session, "Debugger.disable")
    }
  })
  send("NodeWorker.enable", { waitForDebuggerOnStart: false })
  for (let waited = 0; waited < patience && (threads.decode.size === 0 || threads.index.size === 0); waited += 20)
    await wait(20)
  return {
    kill: (kind, seed) => {
      const session = threads[kind].size === 0 ? undefined : dice(seed).pick([...threads[kind]])
      if (session === undefined) return false
      tell(session, "Runtime.evaluate", { expression: "process.exit(1)" })
      return true
    },
    close: () => socket.close(),
  }
}
