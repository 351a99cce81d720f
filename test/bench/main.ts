// `npm run bench [-- NAME…]`: measures, prints, and writes test/bench/results/NAME.md.
import { join } from "node:path"
import { Effect } from "effect"
import { embedBench } from "./embed.bench.ts"
import { qidoBench } from "./qido.bench.ts"
import { orthancBench } from "./orthanc.bench.ts"
import { memoryBench } from "./memory.bench.ts"
import { queryBench } from "./query.bench.ts"
import { writeReport } from "./report.ts"
import { searchableBench } from "./searchable.bench.ts"
import { stowBench } from "./stow.bench.ts"

// For the bare disk: as many file system threads as writers.
process.env["UV_THREADPOOL_SIZE"] ??= "8"

const benches = {
  stow: stowBench,
  orthanc: orthancBench,
  embed: embedBench,
  searchable: searchableBench,
  query: queryBench,
  qido: qidoBench,
  memory: memoryBench,
}
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in benches))
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}\n`)
  process.exit(1)
}

const chosen = Object.entries(benches).filter(([name]) => wanted.length === 0 || wanted.includes(name))
await Effect.runPromise(
  Effect.forEach(chosen, ([name, bench]) =>
    Effect.sync(() => process.stderr.write(`${name} …\n`)).pipe(
      Effect.andThen(bench),
      Effect.map((table) => process.stdout.write(writeReport(join(import.meta.dirname, "results"), name, table))),
    ),
  ),
)
