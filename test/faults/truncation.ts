// Files of the data folder end too early, as after a failed disk or a wrong restore: the next start makes them whole.
import { readdirSync, statSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { type Fault, outcomeOf } from "./fault.ts"
import { dice, wait } from "./dice.ts"
import { natsEnded } from "./gateway-process.ts"
import { makeScene } from "./scene.ts"

/** What is cut, where below the data folder, and to which part of its length; the gateway was killed before, or had stopped. */
const cuts = [
  { what: "snapshot", pattern: /^index\/[^/]+\/graph-.*\.usearch$/, keeps: 0.6, after: "SIGTERM" },
  { what: "snapshot manifest", pattern: /^index\/[^/]+\/snapshot\.json$/, keeps: 0.5, after: "SIGTERM" },
  { what: "journal", pattern: /^index\/[^/]+\/journal\.db$/, keeps: 0.5, after: "SIGTERM" },
  { what: "journal", pattern: /^index\/[^/]+\/journal\.db$/, keeps: 0, after: "SIGTERM" },
  { what: "journal log", pattern: /^index\/[^/]+\/journal\.db-wal$/, keeps: 0.5, after: "SIGKILL" },
  { what: "ledger", pattern: /^ledger\/ledger\.db$/, keeps: 0.5, after: "SIGTERM" },
  { what: "ledger", pattern: /^ledger\/ledger\.db$/, keeps: 0, after: "SIGTERM" },
  { what: "ledger log", pattern: /^ledger\/ledger\.db-wal$/, keeps: 0.5, after: "SIGKILL" },
  { what: "ledger log", pattern: /^ledger\/ledger\.db-wal$/, keeps: 0, after: "SIGKILL" },
] as const

export const truncation: Fault = {
  name: "truncation",
  run: async ({ seed, undisturbed, say }) => {
    const scene = makeScene({ name: "truncation", seed, undisturbed })
    const broken: Record<string, number> = {}
    let done = 0
    try {
      await scene.begin()
      for (const { what, pattern, keeps, after } of cuts) {
        const throws = dice(seed).of(`truncation ${++done}`)
        const round = `${what} cut to ${keeps * 100} % after ${after}`
        await scene.underFire(round, async () => {
          await wait(throws.between(300, 900))
          await scene.stop(after)
          await natsEnded(scene.data())
          const files = readdirSync(scene.data(), { recursive: true, encoding: "utf8" }).filter((name) =>
            pattern.test(name),
          )
          for (const name of files) {
            const path = join(scene.data(), name)
            truncateSync(path, Math.floor(statSync(path).size * keeps))
          }
          if (files.length > 0) broken[`${what} truncated`] = (broken[`${what} truncated`] ?? 0) + 1
          else say(`truncation: there is no ${what} at this moment`)
          scene.start()
        })
        say(`truncation, ${round}: all searchable after ${((scene.times.searchable.at(-1) ?? 0) / 1000).toFixed(1)} s`)
      }
    } catch (error) {
      scene.promises.violate("stuck", `round ${done}: ${String(error)}`)
    }
    await scene.close()
    return [outcomeOf("truncated files", scene, { rounds: done, broken })]
  },
}
