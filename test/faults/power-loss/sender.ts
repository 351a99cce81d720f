// Sends requests on connections of their own, so that the port says in the trace whose answer was given.
import { createHash } from "node:crypto"
import { request } from "node:http"
import { Effect } from "effect"
import { stowBody, stowType } from "../../support/gateway.ts"
import { scheduled } from "../../worklist/worklist-server.fixture.ts"
import type { Sent } from "./promises.ts"

export interface Instance {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  readonly SOPInstanceUID: string
  readonly file: Buffer
}

interface Answer {
  readonly port: number
  readonly status: number
  readonly text: string
}

const ask = (url: URL, method: string, headers: Record<string, string>, body?: Buffer) =>
  Effect.callback<Answer, Error>((resume) => {
    let port = 0
    const asked = request(url, { method, agent: false, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece))
      response.once("end", () => resume(Effect.succeed({ port, status: response.statusCode ?? 0, text })))
    })
    asked.once("socket", (socket) => socket.once("connect", () => (port = socket.localPort ?? 0)))
    asked.once("error", (error) => resume(Effect.fail(error)))
    asked.end(body)
  })

/** UIDs in ReferencedSOPSequence: what the answer calls stored (PS3.18 §I.2). */
const storedOf = (text: string): ReadonlySet<string> => {
  type Items = { readonly "00081199"?: { readonly Value: ReadonlyArray<Record<string, { readonly Value: [string] }>> } }
  return new Set(((JSON.parse(text) as Items)["00081199"]?.Value ?? []).map((item) => item["00081155"]!.Value[0]))
}

const sentOf = ({ SOPInstanceUID, file }: Instance) => ({
  SOPInstanceUID,
  digest: createHash("sha256").update(file).digest("hex"),
})

export const makeSender = (gateway: string) => {
  const sent: Array<Sent> = []
  const store = (instances: ReadonlyArray<Instance>) =>
    Effect.gen(function* () {
      const body = stowBody(instances.map(({ file }) => file))
      const headers = { "content-type": stowType, "content-length": String(body.length) }
      const { port, status, text } = yield* ask(new URL("/dicomweb/studies", gateway), "POST", headers, body)
      const stored = status < 300 ? storedOf(text) : new Set<string>()
      if (stored.size !== instances.length) return yield* Effect.fail(new Error(`${status}: ${text}`))
      sent.push({ kind: "store", port, status, instances: instances.map(sentOf) })
    })
  /** `path` below `/dicomweb`; `instances` that it deletes. */
  const remove = (path: string, instances: ReadonlyArray<Instance>) =>
    Effect.gen(function* () {
      const { port, status, text } = yield* ask(new URL(`/dicomweb${path}`, gateway), "DELETE", {})
      if (status !== 204) return yield* Effect.fail(new Error(`${status}: ${text}`))
      sent.push({ kind: "delete", port, status, instances: instances.map(sentOf) })
    })
  const workitem = (uid: string) =>
    Effect.gen(function* () {
      const body = Buffer.from(JSON.stringify([scheduled()]))
      const headers = { "content-type": "application/dicom+json", "content-length": String(body.length) }
      const { port, status, text } = yield* ask(new URL(`/dicomweb/workitems?${uid}`, gateway), "POST", headers, body)
      if (status !== 201) return yield* Effect.fail(new Error(`${status}: ${text}`))
      sent.push({ kind: "workitem", port, status, instances: [{ SOPInstanceUID: uid, digest: "" }] })
    })
  return { sent: sent as ReadonlyArray<Sent>, store, remove, workitem }
}

export type Sender = ReturnType<typeof makeSender>
