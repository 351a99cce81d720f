// A lean STOW sender: bodies made beforehand, connections kept, so that the clock measures the receiver.
import { Agent, request } from "node:http"
import { Effect } from "effect"
import { stowBody, stowType } from "../support/gateway.ts"

export interface Prepared {
  readonly body: Buffer
  readonly instances: number
}

export const prepare = (files: ReadonlyArray<Buffer>): Prepared => ({ body: stowBody(files), instances: files.length })

/** Sends all with so many connections; fails unless each answer is 200. */
export const sendAll = (url: string, requests: ReadonlyArray<Prepared>, senders: number) => {
  const agent = new Agent({ keepAlive: true, maxSockets: senders })
  const send = ({ body }: Prepared) =>
    Effect.callback<void, Error>((resume) => {
      const call = request(`${url}/dicomweb/studies`, {
        method: "POST",
        agent,
        headers: { "content-type": stowType, "content-length": body.length },
      })
      call.once("response", (response) => {
        response
          .resume()
          .once("end", () =>
            resume(
              response.statusCode === 200
                ? Effect.void
                : Effect.fail(new Error(`STOW answered ${response.statusCode}`)),
            ),
          )
      })
      call.once("error", (error) => resume(Effect.fail(error)))
      call.end(body)
    })
  return Effect.forEach(requests, send, { concurrency: senders, discard: true }).pipe(
    Effect.ensuring(Effect.sync(() => agent.destroy())),
  )
}
