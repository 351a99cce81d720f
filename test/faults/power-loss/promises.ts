// What senders were promised, as it grows with the answers they got.
import type { Message } from "./steps.ts"

export interface SentInstance {
  readonly SOPInstanceUID: string
  /** SHA-256 of the file; of a work item nothing. */
  readonly digest: string
}

/** One request on a connection of its own. */
export interface Sent {
  readonly kind: "store" | "delete" | "workitem"
  readonly port: number
  /** What is stored or deleted by it. */
  readonly instances: ReadonlyArray<SentInstance>
  readonly status: number
}

export type Promised =
  | { readonly state: "stored"; readonly digest: string }
  | { readonly state: "deleted" }
  /** Asked for and not answered: both are right. */
  | { readonly state: "under way" }

/** Follows what was said; `requests` in the order in which they were sent. */
export const makePromises = (requests: ReadonlyArray<Sent>) => {
  const waiting = new Map<number, Array<Sent>>()
  for (const request of requests) waiting.set(request.port, [...(waiting.get(request.port) ?? []), request])
  const running = new Map<number, Sent>()
  const promised = new Map<string, Promised>()
  const published = new Set<number>()
  const workitems = new Set<string>()
  let given = 0
  return {
    promised: promised as ReadonlyMap<string, Promised>,
    workitems: workitems as ReadonlySet<string>,
    /** Receipts of which the broker may know. */
    published: published as ReadonlySet<number>,
    /** Promises given so far. */
    given: () => given,
    hear: (message: Message): void => {
      if (message._tag === "Published") {
        const receipt = /^accepted:(\d+):/.exec(message.msgID)?.[1]
        if (receipt !== undefined) published.add(Number(receipt))
      }
      if (message._tag === "Connected") {
        const request = waiting.get(message.port)?.shift()
        if (request === undefined) return
        running.set(message.port, request)
        if (request.kind === "workitem") return
        const unsettles = request.kind === "store" ? "deleted" : "stored"
        for (const { SOPInstanceUID } of request.instances) {
          if (promised.get(SOPInstanceUID)?.state === unsettles) promised.set(SOPInstanceUID, { state: "under way" })
        }
      }
      if (message._tag === "Answered") {
        const request = running.get(message.port)
        running.delete(message.port)
        if (request === undefined) return
        if (message.status !== request.status) throw new Error(`answered ${message.status}, received ${request.status}`)
        if (message.status >= 300) return
        for (const { SOPInstanceUID, digest } of request.instances) {
          given++
          if (request.kind === "workitem") {
            workitems.add(SOPInstanceUID)
            continue
          }
          promised.set(SOPInstanceUID, request.kind === "store" ? { state: "stored", digest } : { state: "deleted" })
        }
      }
    },
  }
}

export type Promises = ReturnType<typeof makePromises>
