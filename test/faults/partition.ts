// The network to the broker is cut, silent or slow, for moments and for a whole ingest.
import { join } from "node:path"
import type { GatewayStatus } from "../../src/domain/study.ts"
import { startBroker } from "./broker.ts"
import { dice, wait } from "./dice.ts"
import { type Fault, outcomeOf } from "./fault.ts"
import { type Network, natsProxy } from "./nats-proxy.ts"
import { makeScene } from "./scene.ts"

const rounds: ReadonlyArray<ReadonlyArray<Network>> = [
  ["cut", "good", "cut"],
  ["silent", "good"],
  ["slow"],
  ["slow", "cut", "silent"],
]
/** Cut for as long as a whole ingest lasts: the queue on disk grows meanwhile, and nobody is kept waiting. */
const longMillis = 12_000

export const partition: Fault = {
  name: "partition",
  run: async ({ seed, undisturbed, say }) => {
    const scene = makeScene({ name: "partition", seed, undisturbed })
    const broker = await startBroker(join(scene.folder, "broker"))
    const proxy = await natsProxy(broker.port)
    const broken: Record<string, number> = {}
    const become = (network: Network) => {
      if (network !== "good") broken[`network ${network}`] = (broken[`network ${network}`] ?? 0) + 1
      proxy.become(network)
    }
    const notes: Array<string> = []
    let done = 0
    try {
      await scene.begin({ GATEWAY_NATS_SERVERS: `["nats://127.0.0.1:${proxy.port}"]` })
      for (const round of rounds) {
        const throws = dice(seed).of(`partition ${++done}`)
        await scene.underFire(`round ${done}`, async () => {
          for (const network of round) {
            await wait(throws.between(200, 800))
            become(network)
            await wait(throws.between(800, 2500))
          }
          become("good")
          scene.disturbedNow()
        })
        say(
          `partition, round ${done} (${round.join(", ")}): all searchable after ${((scene.times.searchable.at(-1) ?? 0) / 1000).toFixed(1)} s`,
        )
      }
      done++
      await scene.underFire("away for the whole ingest", async () => {
        become("cut")
        const before = scene.promises.counts.answered
        await wait(longMillis)
        const accepted = scene.promises.counts.answered - before
        const { stages } = (await (await fetch(`${await scene.url()}/api/status`)).json()) as GatewayStatus
        notes.push(
          `${accepted} instances were accepted while the broker was away; ${stages.outbox?.pending ?? 0} events waited`,
        )
        if (accepted === 0) scene.promises.violate("stuck", "nothing was accepted while the broker was away")
        if ((stages.outbox?.pending ?? 0) === 0)
          scene.promises.violate("inconsistent", "status shows no event that waits")
        become("good")
        scene.disturbedNow()
      })
      const order = await broker.acceptedOrder()
      for (const [study, receipts] of order) {
        // An event may be there twice after a partition longer than the broker's memory; never out of order.
        const first = receipts.filter((receipt, at) => receipts.indexOf(receipt) === at)
        if (first.some((receipt, at) => at > 0 && receipt < first[at - 1]!))
          scene.promises.violate("inconsistent", `events of ${study} are out of order: ${first.join(" ")}`)
      }
      notes.push(`${order.size} studies in the broker, each in the order of its receipts`)
    } catch (error) {
      scene.promises.violate("stuck", `round ${done}: ${String(error)}`)
    }
    await scene.close()
    await proxy.close()
    await broker.stop()
    return [outcomeOf("partition", scene, { rounds: done, broken, notes })]
  },
}
