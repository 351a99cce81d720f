// The long form as a part of the fault suite.
import { Effect } from "effect"
import { type Fault, notPossible } from "../fault.ts"
import { makePromises } from "../promises.ts"
import { linesOf, powerLoss as run } from "./power-loss.ts"
import { cannotTrace } from "./traced-gateway.ts"

const name = "power loss"

export const powerLoss: Fault = {
  name,
  run: async ({ seed, say }) => {
    const why = cannotTrace()
    if (why !== undefined) return [notPossible(name, why)]
    // So many that the ledger writes its log back in between (4000 pages).
    const result = await Effect.runPromise(run({ seed, many: 250, luckyCuts: 300, draws: 6 }))
    const lines = linesOf(result)
    for (const line of lines) say(`${name}: ${line}`)
    const { violations, violate, counts } = makePromises()
    for (const loss of result.losses) violate("lost", loss)
    for (const [mutation, found] of Object.entries(result.mutated)) {
      if (found.length === 0) violate("inconsistent", `${mutation} was not noticed`)
    }
    const told = { counts: { ...counts, answered: result.promises }, startMillis: [], searchableMillis: [] }
    return [{ name, rounds: 1, broken: { "power cut": result.cuts }, violations, notes: lines, ...told }]
  },
}
