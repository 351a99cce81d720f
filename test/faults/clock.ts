// The wall clock jumps, forward and back, by seconds and by hours: studies settle all the same, nothing is lost or done twice.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { dice, wait } from "./dice.ts"
import { type Fault, outcomeOf } from "./fault.ts"
import { makeScene } from "./scene.ts"

const preload = pathToFileURL(join(import.meta.dirname, "shifted-clock.ts")).href
const [second, hour, day] = [1000, 3_600_000, 86_400_000]
/** Where the clock stands in each round, one jump after the other. */
const rounds: ReadonlyArray<ReadonlyArray<number>> = [
  [3 * hour, 0, -2 * hour],
  [-30 * second, 30 * second, day],
  [-day, 10 * day, 0],
]

export const clockJumps: Fault = {
  name: "clock",
  run: async ({ seed, undisturbed, say }) => {
    const scene = makeScene({ name: "clock jumps", seed, undisturbed, node: ["--import", preload] })
    const file = join(scene.folder, "clock")
    const set = (shift: number) => writeFileSync(file, String(shift))
    set(0)
    let [jumps, done] = [0, 0]
    try {
      await scene.begin({ FAULTS_CLOCK_FILE: file })
      for (const round of rounds) {
        const throws = dice(seed).of(`clock ${++done}`)
        await scene.underFire(`round ${done}`, async () => {
          for (const shift of round) {
            await wait(throws.between(200, 900))
            set(shift)
            jumps++
            scene.disturbedNow()
          }
        })
        say(
          `clock jumps, round ${done}: all searchable after ${((scene.times.searchable.at(-1) ?? 0) / 1000).toFixed(1)} s`,
        )
      }
      // A start at another time than the one before ended at.
      await scene.stop("SIGKILL")
      set(-5 * hour)
      jumps++
      scene.start({ FAULTS_CLOCK_FILE: file })
      await scene.underFire(`round ${++done}`, () => wait(500))
    } catch (error) {
      scene.promises.violate("stuck", `round ${done}: ${String(error)}`)
    }
    await scene.close()
    const notes = [
      "the clock of Node and its threads is shifted; nats-server keeps the machine's (only the machine's own clock could move it)",
    ]
    return [outcomeOf("clock jumps", scene, { rounds: done, broken: { "clock jump": jumps }, notes })]
  },
}
