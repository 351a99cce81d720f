// Whatever is added, repeated, superseded and removed, in whatever order: the index holds what a plain map would.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { dimension, folder, inLife, removal, slice, unit } from "./index.fixture.ts"

interface Item {
  readonly n: number
  readonly receipt: number
  readonly frame: number
  readonly blank: boolean
}
type Command =
  | { readonly do: "add"; readonly items: ReadonlyArray<Item> }
  | { readonly do: "remove"; readonly items: ReadonlyArray<{ readonly n: number; readonly receipt: number }> }
  | { readonly do: "snapshot" | "rebuild" }

/** Random commands, the same ones for the same seed (a linear congruential generator, Numerical Recipes' constants). */
const commandsOf = (seed: number): ReadonlyArray<Command> => {
  let state = seed
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const many = <A>(limit: number, one: () => A): ReadonlyArray<A> => Array.from({ length: below(limit) }, one)
  const removal = () => ({ n: below(5), receipt: 1 + below(5) })
  const item = () => ({ ...removal(), frame: 1 + below(3), blank: below(3) === 0 })
  const command = (): Command => {
    const kind = below(9)
    if (kind < 6) return { do: "add", items: many(9, item) }
    if (kind < 8) return { do: "remove", items: many(3, removal) }
    return { do: below(2) === 0 ? "snapshot" : "rebuild" }
  }
  return [command(), ...many(25, command)]
}

const seedOf = ({ n, receipt, frame }: Item) => n * 100 + receipt * 10 + frame

/** Frames by "n frame", and the highest removed receipt by n. */
const makeModel = () => {
  const rows = new Map<string, Item>()
  const removed = new Map<number, number>()
  const of = (n: number) => [...rows.values()].filter((row) => row.n === n)
  const drop = (n: number, receipt: number) => {
    for (const row of of(n)) if (row.receipt <= receipt) rows.delete(`${n} ${row.frame}`)
  }
  return {
    rows,
    add: (item: Item) => {
      const held = of(item.n)[0]?.receipt ?? item.receipt
      if ((removed.get(item.n) ?? 0) >= item.receipt || held > item.receipt) return
      drop(item.n, item.receipt - 1)
      const key = `${item.n} ${item.frame}`
      if (!rows.has(key)) rows.set(key, item)
    },
    remove: (n: number, receipt: number) => {
      removed.set(n, Math.max(receipt, removed.get(n) ?? 0))
      drop(n, receipt)
    },
  }
}

type Index = Parameters<Parameters<typeof inLife>[1]>[0]

const agrees = Effect.fnUntraced(function* (index: Index, rows: ReadonlyArray<Item>) {
  const voting = rows.filter(({ blank }) => !blank)
  const { slices, indexed } = yield* index.state
  assert.deepStrictEqual([slices, indexed], [rows.length, voting.length])
  const [found = []] = yield* index.search(unit(1), 1000)
  const names = found.map(({ position, FrameNumber }) => `${position} ${FrameNumber}`)
  assert.deepStrictEqual(names.toSorted(), voting.map((row) => `${seedOf(row)} ${row.frame}`).toSorted())
  const frames = new Map<string, number>()
  for (const { n, receipt } of rows) frames.set(`${n} ${receipt}`, (frames.get(`${n} ${receipt}`) ?? 0) + 1)
  const instances = yield* index.instancesAfter("", 10_000)
  assert.deepStrictEqual(
    instances.map((row) => `${row.SOPInstanceUID} ${row.receipt} ${row.frames}`).toSorted(),
    [...frames]
      .map(([key, count]) => {
        const [n = "", receipt = ""] = key.split(" ")
        return `${removal(Number(n)).SOPInstanceUID} ${receipt} ${count}`
      })
      .toSorted(),
  )
  const mean = new Float64Array(dimension)
  for (const row of voting) unit(seedOf(row)).forEach((value, i) => (mean[i] = (mean[i] ?? 0) + value / voting.length))
  ;(yield* index.mean).forEach((value, i) => assert.approximately(value, mean[i] ?? 0, 1e-5))
  assert.deepStrictEqual(yield* index.verify, { missing: 0, orphaned: 0 })
})

it.live.each(Array.from({ length: 15 }, (_, seed) => seed))(
  "the index holds what a plain map would, also after a restart: seed %s",
  (seed) =>
    Effect.gen(function* () {
      const dir = yield* folder
      const model = makeModel()
      let sequence = 0
      yield* inLife(dir, (index) =>
        Effect.gen(function* () {
          for (const command of commandsOf(seed)) {
            if (command.do === "add") {
              yield* index.add(
                command.items.map((item) => slice(item.n, { ...item, seed: seedOf(item), z: seedOf(item) })),
              )
              command.items.forEach(model.add)
            } else if (command.do === "remove") {
              yield* index.remove(command.items.map(({ n, receipt }) => removal(n, receipt)))
              for (const { n, receipt } of command.items) model.remove(n, receipt)
            } else yield* index[command.do]
            const state = yield* index.state
            assert.isAtLeast(state.sequence, sequence)
            sequence = state.sequence
          }
          yield* agrees(index, [...model.rows.values()])
        }),
      )
      yield* inLife(dir, (index) => agrees(index, [...model.rows.values()]))
    }),
)
