// Requests as written here, byte for byte: nothing normalised, nothing decompressed.
import { request } from "node:http"
import { Effect } from "effect"

export interface RawAnswer {
  readonly status: number
  /** Empty text for what is not there would hide its absence: look with notProperty. */
  readonly headers: Record<string, string>
  readonly body: Buffer
  readonly text: string
}

/** Event streams never end: their head is the answer. */
export const raw = (url: string, method: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.callback<RawAnswer, Error>((resume) => {
    const { hostname, port } = new URL(url)
    const asked = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      const done = () => {
        const body = Buffer.concat(chunks)
        const text = body.toString()
        const got = response.headers as Record<string, string>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: got, body, text }))
      }
      if (response.headers["content-type"]?.startsWith("text/event-stream") === true) {
        done()
        response.destroy()
        return
      }
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", done)
      response.on("error", (error) => resume(Effect.fail(error)))
    })
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end()
  })
