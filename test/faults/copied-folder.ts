// The data folder is copied, and the gateway goes on with the copy: after an ordinary stop, and after a kill.
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { type Fault, outcomeOf } from "./fault.ts"
import { dice, wait } from "./dice.ts"
import { natsEnded } from "./gateway-process.ts"
import { makeScene } from "./scene.ts"

export const copiedFolder: Fault = {
  name: "copy",
  run: async ({ seed, undisturbed }) => {
    const scene = makeScene({ name: "copied folder", seed, undisturbed })
    let done = 0
    try {
      await scene.begin()
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const throws = dice(seed).of(`copy ${++done}`)
        await scene.underFire(`copy after ${signal}`, async () => {
          await wait(throws.between(300, 900))
          await scene.stop(signal)
          await natsEnded(scene.data())
          const [from, to] = [scene.data(), join(scene.folder, `copy-${done}`)]
          execFileSync("cp", ["-a", from, to])
          rmSync(from, { recursive: true })
          scene.moveTo(to)
          scene.start()
        })
      }
    } catch (error) {
      scene.promises.violate("stuck", `round ${done}: ${String(error)}`)
    }
    await scene.close()
    return [outcomeOf("copied folder", scene, { rounds: done, broken: { "folder copied": done } })]
  },
}
