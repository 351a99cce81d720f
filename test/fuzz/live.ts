// The gateway under fire: every question timed and its answer judged, memory and health looked at.
import { readFileSync } from "node:fs"
import { Agent, request } from "node:http"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  readonly millis: number
}

export interface Ask {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | undefined
  /** Without the fuzzer's own key. */
  readonly unsigned?: boolean
}

/** What the fuzzer looks for; its message says what was wrong. */
export class Wrong extends Error {}

export interface Live {
  readonly ask: (ask: Ask) => Promise<Answer>
  /** As `ask`, and the answer must be one that is meant: a success or a refusal of this request, in time. */
  readonly judged: (ask: Ask) => Promise<Answer>
  /** Alive, ready, within its memory. */
  readonly healthy: () => Promise<void>
  readonly residentBytes: () => number
  /** How often each status was answered since the last look. */
  readonly statuses: () => ReadonlyMap<number, number>
}

export interface Limits {
  /** Longest time that an answer may take. */
  readonly millis: number
  readonly residentBytes: number
}

/** Statuses of a refusal for load; the fuzzer makes none, so each is told apart from what the input caused. */
const busy = new Set([503, 507])

/** So much of a body is read after a refusal, and no more. */
const unreadBytes = 256 * 1024

const residentOf = (pid: number) => {
  const kB = /VmRSS:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return Number(kB) * 1024
}

export const live = (url: string, pid: number, key: string, limits: Limits): Live => {
  const { hostname, port } = new URL(url)
  let counts = new Map<number, number>()
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const ask = (asking: Ask): Promise<Answer> =>
    new Promise<Answer>((resolve, reject) => {
      const { method = "GET", path, headers = {}, body, unsigned = false } = asking
      const signed = unsigned ? headers : { "x-api-key": key, ...headers }
      const began = performance.now()
      const asked = request({ hostname, port, agent, method, path, headers: signed }, (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Answer["headers"],
            body: Buffer.concat(chunks),
            millis: performance.now() - began,
          }),
        )
        response.on("error", () => reject(new Wrong(`${method}: the answer broke off`)))
      })
      asked.setTimeout(limits.millis * 5, () => asked.destroy(new Wrong(`${method}: no answer`)))
      asked.on("error", (error: NodeJS.ErrnoException) => {
        // The server may end an idle connection just when it is taken again.
        if (asked.reusedSocket && error.code === "ECONNRESET") return resolve(ask(asking))
        // Refused before the body was all sent: the answer went by, and nobody has to wait for megabytes.
        if (["EPIPE", "ECONNRESET"].includes(error.code ?? "") && Buffer.byteLength(body ?? "") > unreadBytes) {
          const headers = { "content-type": "application/json" }
          return resolve({ status: 400, headers, body: Buffer.alloc(0), millis: performance.now() - began })
        }
        reject(error instanceof Wrong ? error : new Wrong(`${method}: ${error.code ?? error.message}`))
      })
      asked.end(body)
    })
  return {
    ask,
    judged: async (asking) => {
      const answer = await ask(asking)
      counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1)
      const what = `${asking.method ?? "GET"} ${asking.path.slice(0, 200)} → ${answer.status}`
      if (answer.status < 200 || (answer.status >= 500 && !busy.has(answer.status))) {
        throw new Wrong(`${what}: ${answer.body.toString("utf8", 0, 300)}`)
      }
      if (answer.millis > limits.millis) throw new Wrong(`${what} after ${Math.round(answer.millis)} ms`)
      if (answer.status >= 400 && asking.method !== "HEAD") {
        const type = answer.headers["content-type"] ?? ""
        if (!/json|xml/.test(type)) throw new Wrong(`${what} without a sentence (${type})`)
      }
      return answer
    },
    healthy: async () => {
      const { status, millis } = await ask({ path: "/health/ready" })
      if (status !== 200) throw new Wrong(`not ready: ${status}`)
      if (millis > limits.millis) throw new Wrong(`ready after ${Math.round(millis)} ms`)
      const resident = residentOf(pid)
      if (resident > limits.residentBytes) throw new Wrong(`${Math.round(resident / 2 ** 20)} MiB resident`)
    },
    residentBytes: () => residentOf(pid),
    statuses: () => {
      const since = counts
      counts = new Map()
      return since
    },
  }
}
