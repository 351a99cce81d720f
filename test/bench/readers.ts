// Callers who read long answers, at full speed or hardly at all.
import { get, type IncomingMessage } from "node:http"
import { Effect } from "effect"

const everything = 'multipart/related; type="application/dicom"; transfer-syntax=*'

/** Reads the whole answer and forgets it; how many bytes it had. */
export const drained = (url: string, accept = everything) =>
  Effect.callback<number, Error>((resume) => {
    const message = get(url, { headers: { accept } }, (response) => {
      let bytes = 0
      response.on("data", (chunk: Buffer) => (bytes += chunk.length))
      response.once("error", (error) => resume(Effect.fail(error)))
      response.once("end", () => {
        const { statusCode } = response
        resume(
          statusCode === 200 ? Effect.succeed(bytes) : Effect.fail(new Error(`${statusCode} after ${bytes} bytes`)),
        )
      })
    })
    message.once("error", (error) => resume(Effect.fail(error)))
    return Effect.sync(() => message.destroy())
  })

/** So many callers who take `bytes` each of the answer and then no more, until the scope closes. */
export const stalled = (url: string, count: number, bytes: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    () =>
      Effect.acquireRelease(
        Effect.callback<IncomingMessage, Error>((resume) => {
          const message = get(url, { headers: { accept: everything }, agent: false }, (response) => {
            let taken = 0
            response.on("data", (chunk: Buffer) => {
              taken += chunk.length
              if (taken < bytes) return
              response.pause()
              resume(Effect.succeed(response))
            })
            response.once("end", () => resume(Effect.succeed(response)))
          })
          message.on("error", (error) => resume(Effect.fail(error)))
        }),
        (response) => Effect.sync(() => response.destroy()),
      ),
    { concurrency: "unbounded", discard: true },
  )
