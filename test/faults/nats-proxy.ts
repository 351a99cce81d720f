// A TCP proxy in front of a nats-server: the network between gateway and broker, which may be cut, silent or slow.
import { connect, createServer, type Socket } from "node:net"

/** `cut`: connections are reset and refused. `silent`: open, and nothing comes through. `slow`: each chunk waits. */
export type Network = "good" | "cut" | "silent" | "slow"

const slowMillis = 150

export interface NatsProxy {
  readonly port: number
  readonly become: (network: Network) => void
  readonly close: () => Promise<void>
}

export const natsProxy = async (target: number): Promise<NatsProxy> => {
  let network: Network = "good"
  const pairs = new Set<readonly [Socket, Socket]>()
  const pipe = (from: Socket, to: Socket) => {
    // Chunks keep their order: each waits for the one before.
    let before = Promise.resolve()
    from.on("data", (chunk) => {
      if (network !== "slow") return void (before = before.then(() => void to.write(chunk)))
      before = before.then(() => new Promise((done) => setTimeout(() => done(void to.write(chunk)), slowMillis)))
    })
  }
  const server = createServer((inside) => {
    if (network === "cut") return void inside.destroy()
    const outside = connect({ host: "127.0.0.1", port: target })
    const pair = [inside, outside] as const
    pairs.add(pair)
    for (const [one, other] of [pair, [outside, inside]] as const) {
      pipe(one, other)
      const gone = () => {
        pairs.delete(pair)
        other.destroy()
      }
      one.on("close", gone).on("error", gone)
      if (network === "silent") one.pause()
    }
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    become: (next) => {
      network = next
      for (const sockets of pairs)
        for (const socket of sockets) {
          if (next === "cut") socket.destroy()
          else if (next === "silent") socket.pause()
          else socket.resume()
        }
    },
    close: () => {
      for (const sockets of pairs) for (const socket of sockets) socket.destroy()
      return new Promise((done) => server.close(() => done()))
    },
  }
}
