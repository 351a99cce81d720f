// The disk is full, by the watermark and to the last byte: nothing is promised that is not kept, and all goes on when there is room.
import { stowBody, stowType } from "../support/gateway.ts"
import { dice, wait } from "./dice.ts"
import { type Fault, notPossible, outcomeOf } from "./fault.ts"
import { ctSlice, identity } from "../support/volumes.ts"
import { makeScene, type Scene } from "./scene.ts"
import { smallDisk } from "./small-disk.ts"

const megabytes = 160
const watermark = 16 * 2 ** 20

/** What a sender is told now: 507, or another failure, and never that the instance is stored. */
const probe = async (scene: Scene): Promise<number> => {
  const response = await fetch(`${await scene.url()}/dicomweb/studies`, {
    method: "POST",
    body: stowBody([ctSlice(identity("probe"), 0)]),
    headers: { "content-type": stowType },
  })
  await response.arrayBuffer()
  return response.status
}

export const diskFull: Fault = {
  name: "disk-full",
  run: async ({ seed, undisturbed }) => {
    const scene = makeScene({ name: "disk full", seed, undisturbed })
    const disk = smallDisk(scene.data(), megabytes)
    if (disk === undefined) {
      await scene.close()
      return [notPossible("disk full", "a small disk (tmpfs) cannot be mounted here: run it as root")]
    }
    const throws = dice(seed).of("disk full")
    const answers: Record<string, number> = {}
    const attempts = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const status = await probe(scene)
        answers[status] = (answers[status] ?? 0) + 1
        if (status === 200) scene.promises.violate("inconsistent", "a store on a full disk is answered 200")
        await wait(throws.between(20, 200))
      }
    }
    let rounds = 0
    try {
      await scene.begin({ GATEWAY_LISTENER_MIN_FREE_BYTES: String(watermark) })
      rounds++
      await scene.underFire("watermark", async () => {
        await wait(throws.between(200, 800))
        disk.fill(watermark / 2)
        await attempts(6)
        if (answers["507"] !== 6) scene.promises.violate("refused", `below the watermark: ${JSON.stringify(answers)}`)
        disk.empty()
        scene.disturbedNow()
      })
      await scene.stop("SIGTERM")
      scene.start({ GATEWAY_LISTENER_MIN_FREE_BYTES: "0" })
      for (const seconds of [1, 4]) {
        rounds++
        await scene.underFire(`to the last byte for ${seconds} s`, async () => {
          await wait(throws.between(200, 800))
          disk.fill(0)
          // Whatever room a removal makes is taken as well.
          for (const since = performance.now(); performance.now() - since < seconds * 1000;) {
            await wait(throws.between(50, 150))
            disk.fill(0)
          }
          disk.empty()
          scene.disturbedNow()
        })
      }
    } catch (error) {
      scene.promises.violate("stuck", String(error))
    }
    await scene.stop("SIGTERM")
    disk.unmount()
    await scene.close()
    const notes = [`answers below the watermark: ${JSON.stringify(answers)}`]
    return [outcomeOf("disk full", scene, { rounds, broken: { "disk filled": rounds }, notes })]
  },
}
