// A connection that says exactly these bytes, and hears everything until the other side ends it.
import { connect, type Socket } from "node:net"
import { Effect } from "effect"

const open = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<Socket, Error>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = connect({ host: hostname, port: Number(port) })
      socket.once("connect", () => resume(Effect.succeed(socket)))
      socket.once("error", (error) => resume(Effect.fail(error)))
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Connected, silent; a reset is no error of the test. */
export const idle = (url: string) => Effect.tap(open(url), (socket) => Effect.sync(() => socket.on("error", () => {})))

/** What comes until the connection ends, or until `enough` says so. */
export const say = (url: string, bytes: string | Uint8Array, enough: (heard: string) => boolean = () => false) =>
  Effect.scoped(
    Effect.flatMap(idle(url), (socket) =>
      Effect.callback<string>((resume) => {
        let heard = ""
        const done = () => resume(Effect.succeed(heard))
        socket.setEncoding("latin1").on("data", (text: string) => {
          heard += text
          if (enough(heard)) done()
        })
        socket.once("close", done)
        socket.write(bytes)
      }),
    ),
  ).pipe(Effect.timeout("20 seconds"))

/** Status of each answer heard. */
export const statuses = (heard: string) =>
  [...heard.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => Number(status))
