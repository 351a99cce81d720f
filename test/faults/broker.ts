// A nats-server of the hospital's, not the gateway's: what the gateway reaches over a network.
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Effect } from "effect"
import { connect as connectNats } from "nats"
import { dieWithParent, natsBinary } from "../../src/events/nats-binary.ts"
import { wait } from "./dice.ts"

const freePort = () =>
  new Promise<number>((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => done(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export interface Broker {
  readonly port: number
  /** Receipts in the order of their accepted events, by study. */
  readonly acceptedOrder: () => Promise<ReadonlyMap<string, ReadonlyArray<number>>>
  readonly stop: () => Promise<void>
}

export const startBroker = async (folder: string): Promise<Broker> => {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const conf = join(folder, "nats.conf")
  writeFileSync(
    conf,
    `host: "127.0.0.1"\nport: ${port}\nmax_payload: 8388608\njetstream { store_dir: ${JSON.stringify(join(folder, "jetstream"))} }\n`,
  )
  const [command, args] = dieWithParent(await Effect.runPromise(natsBinary), ["-c", conf])
  const child: ChildProcess = spawn(command, [...args], { stdio: "ignore" })
  const ended = new Promise<void>((done) => child.once("exit", () => done()))
  const connected = async () => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await connectNats({ servers: `nats://127.0.0.1:${port}`, name: "fault suite" })
      } catch (error) {
        if (attempt > 200) throw error
        await wait(50)
      }
    }
  }
  await (await connected()).close()
  return {
    port,
    acceptedOrder: async () => {
      const connection = await connected()
      const manager = await connection.jetstreamManager()
      const order = new Map<string, Array<number>>()
      const { state } = await manager.streams.info("DICOM")
      for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
        const message = await manager.streams.getMessage("DICOM", { seq }).catch(() => undefined)
        if (message === undefined || !message.subject.startsWith("dicom.instance.accepted.")) continue
        const { instance } = JSON.parse(new TextDecoder().decode(message.data)) as {
          readonly instance: { readonly StudyInstanceUID: string; readonly receipt: number }
        }
        order.set(instance.StudyInstanceUID, [...(order.get(instance.StudyInstanceUID) ?? []), instance.receipt])
      }
      await connection.close()
      return order
    },
    stop: async () => {
      child.kill("SIGTERM")
      await ended
    },
  }
}
