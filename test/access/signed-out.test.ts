// A token ends while its caller listens: the stream of alerts and the WebSocket end with it.
import { assert, layer } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { WebSocket } from "ws"
import { GuardedGateway, secrets } from "./access.fixture.ts"

/** Seconds that a token is good for here. */
const lifetime = 4

const socketTo = (url: string, secret: string) =>
  new WebSocket(`${url.replace("http", "ws")}/dicomweb/subscribers/RIS`, ["ups", `bearer.${secret}`])

const opened = (socket: WebSocket) =>
  Effect.callback<void, Error>((resume) => {
    socket.on("open", () => resume(Effect.void))
    socket.on("error", (error) => resume(Effect.fail(error)))
  })

const ended = (socket: WebSocket) =>
  Effect.callback<void>((resume) => void socket.on("close", () => resume(Effect.void)))

layer(GuardedGateway.layer({ GATEWAY_ACCESS_TOKENS_CLOCK_SKEW_SECONDS: "0" }), {
  timeout: 60_000,
  excludeTestServices: true,
})("whoever listens", (it) => {
  it.effect("is heard until the token ends, and with a key for as long as they like", () =>
    Effect.gen(function* () {
      const { url, token } = yield* GuardedGateway
      const exp = Math.floor((yield* Clock.currentTimeMillis) / 1000) + lifetime
      const shown = yield* token({ scope: "gateway.alerts gateway.worklist", origins: ["north"], exp })
      const byKey = socketTo(url, secrets.north)
      yield* opened(byKey)
      const byToken = socketTo(url, shown)
      const streamed = Effect.promise(async (signal) => {
        const response = await fetch(`${url}/api/alerts/stream`, {
          headers: { authorization: `Bearer ${shown}` },
          signal,
        })
        assert.strictEqual(response.status, 200)
        await response.text()
      })
      const closed = Effect.andThen(opened(byToken), ended(byToken))
      yield* Effect.all([streamed, closed], { concurrency: 2 }).pipe(Effect.timeout("20 seconds"))
      assert.isAtLeast((yield* Clock.currentTimeMillis) / 1000, exp)
      assert.strictEqual(byKey.readyState, 1)
      byKey.terminate()
    }),
  )
})
