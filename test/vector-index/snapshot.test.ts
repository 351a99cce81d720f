// Restarts: with and without snapshot, with damaged ones, and with a thread that dies on the way.
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Logger } from "effect"
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { folder, inLife, removal, slice, uidOf, unit } from "./index.fixture.ts"

const slices = Array.from({ length: 200 }, (_, n) => slice(n))
type Index = Parameters<Parameters<typeof inLife>[1]>[0]

const holds = (index: Index, count: number) =>
  Effect.gen(function* () {
    const [[first] = []] = yield* index.search(unit(150), 1)
    assert.strictEqual(first?.SOPInstanceUID, uidOf(150))
    assert.deepInclude(yield* index.state, { slices: count, indexed: count })
    assert.deepStrictEqual(yield* index.verify, { missing: 0, orphaned: 0 })
  })
const graphs = (dir: string) => readdirSync(join(dir, "model")).filter((name) => name.startsWith("graph-"))
/** What was logged while an effect ran. */
const withLog = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return effect.pipe(
      Effect.provide(Logger.layer([logger])),
      Effect.map(() => lines),
    )
  })

it.live("a restart reads the snapshot, and what the journal got and lost after it", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) => index.add(slices.slice(0, 160)))
    const [first] = graphs(dir)
    assert.isDefined(first)
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        yield* holds(index, 160)
        yield* index.add(slices)
        yield* index.remove([removal(3), removal(170)])
        yield* holds(index, 198)
      }),
    )
    assert.deepStrictEqual(graphs(dir).length, 1)
    assert.notDeepEqual(graphs(dir), [first])
    const log = yield* withLog(inLife(dir, (index) => holds(index, 198)))
    assert.deepStrictEqual(log, [])
    rmSync(join(dir, "model", "snapshot.json"))
    yield* inLife(dir, (index) => holds(index, 198))
  }),
)

it.live("a crash leaves a snapshot older than the journal; the next start brings it up to it", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    const crashed = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        yield* index.add(slices.slice(0, 160))
        yield* index.snapshot
        yield* index.add(slices)
        yield* index.remove([removal(3), removal(170)])
        // What a power cut would leave: nothing is written while nobody asks.
        cpSync(dir, crashed, { recursive: true })
      }),
    )
    assert.deepStrictEqual(yield* withLog(inLife(crashed, (index) => holds(index, 198))), [])
  }),
)

it.live.each([
  ["truncated index", (model: string, graph: string) => truncateSync(join(model, graph), 1000)],
  ["garbage index", (model: string, graph: string) => writeFileSync(join(model, graph), Buffer.alloc(5000, 0xa5))],
  ["empty index", (model: string, graph: string) => truncateSync(join(model, graph), 0)],
  [
    "one flipped bit",
    (model: string, graph: string) => {
      const bytes = readFileSync(join(model, graph))
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      writeFileSync(join(model, graph), bytes)
    },
  ],
  ["missing index", (model: string, graph: string) => rmSync(join(model, graph))],
  ["truncated manifest", (model: string) => truncateSync(join(model, "snapshot.json"), 20)],
  ["garbage manifest", (model: string) => writeFileSync(join(model, "snapshot.json"), "[1,2]")],
  ["null manifest", (model: string) => writeFileSync(join(model, "snapshot.json"), "null")],
  [
    "manifest of another place",
    (model: string) => {
      const manifest = JSON.parse(readFileSync(join(model, "snapshot.json"), "utf8")) as object
      writeFileSync(join(model, "snapshot.json"), JSON.stringify({ ...manifest, file: "../../graph-1.usearch" }))
    },
  ],
  [
    "manifest that claims more than it holds",
    (model: string) => {
      const manifest = JSON.parse(readFileSync(join(model, "snapshot.json"), "utf8")) as object
      writeFileSync(join(model, "snapshot.json"), JSON.stringify({ ...manifest, cursor: 1e6 }))
    },
  ],
] as const)("damage is told and never served: %s", ([, damage]) =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) => Effect.andThen(index.add(slices.slice(0, 160)), index.snapshot))
    const [graph = ""] = graphs(dir)
    const manifest = readFileSync(join(dir, "model", "snapshot.json"))
    const bytes = readFileSync(join(dir, "model", graph))
    yield* inLife(dir, (index) => index.add(slices))
    for (const name of graphs(dir)) rmSync(join(dir, "model", name))
    writeFileSync(join(dir, "model", "snapshot.json"), manifest)
    writeFileSync(join(dir, "model", graph), bytes)
    damage(join(dir, "model"), graph)
    const log = yield* withLog(inLife(dir, (index) => holds(index, 200)))
    assert.isTrue(
      log.some((line) => line.includes("snapshot not used")),
      log.join("\n"),
    )
    assert.isTrue(existsSync(join(dir, "model", graphs(dir)[0] ?? "")))
    assert.deepStrictEqual(yield* withLog(inLife(dir, (index) => holds(index, 200))), [])
  }),
)

it.live("a thread that dies costs its task; the next one goes on from disk", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(
      dir,
      (index) =>
        Effect.gen(function* () {
          yield* index.add(slices)
          assert.strictEqual((yield* Effect.flip(index.add([slice(300, { receipt: 666 })]))).reason, "worker")
          yield* holds(index, 200)
          assert.strictEqual((yield* Effect.flip(index.add([slice(301, { receipt: 667 })]))).reason, "worker")
          assert.strictEqual(
            (yield* Effect.flip(index.add([slice(302), slice(303, { receipt: 668 })]))).reason,
            "worker",
          )
          // The journal has it; the redelivered message finds it there.
          yield* holds(index, 201)
          assert.deepStrictEqual((yield* index.add([slice(301, { receipt: 665 })]))[0]?.indexedFrames, 0)
        }),
      { worker: new URL("./tasks.fixture.ts", import.meta.url) },
    )
    yield* inLife(dir, (index) => holds(index, 201))
  }),
)

it.live("a rebuild takes part in adds and removals meanwhile, and searches go on", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        const many = Array.from({ length: 3000 }, (_, n) => slice(n))
        yield* index.add(many)
        let rebuilt = false
        let searches = 0
        let next = 3000
        const meanwhile = Effect.gen(function* () {
          yield* index.add([slice(next)])
          const [[first] = []] = yield* index.search(unit(next), 1)
          assert.strictEqual(first?.SOPInstanceUID, uidOf(next))
          yield* index.remove([removal(next - 3000)])
          const [found = []] = yield* index.search(unit(next - 3000), 20)
          assert.isFalse(found.some(({ SOPInstanceUID }) => SOPInstanceUID === uidOf(next - 3000)))
          next++
          if (!rebuilt) searches++
        }).pipe(Effect.repeat({ until: () => rebuilt }))
        const rebuild = Effect.tap(index.rebuild, () => Effect.sync(() => void (rebuilt = true)))
        yield* Effect.all([rebuild, meanwhile], { concurrency: 2 })
        assert.isAbove(searches, 0)
        assert.deepInclude(yield* index.state, { slices: 3000, indexed: 3000 })
        assert.deepStrictEqual(yield* index.verify, { missing: 0, orphaned: 0 })
      }),
    )
  }),
)

it.live("an index worn by removals is built anew by itself", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    const removedOnDisk = Effect.sync(
      () => (JSON.parse(readFileSync(join(dir, "model", "snapshot.json"), "utf8")) as { removed: number }).removed,
    )
    const many = Array.from({ length: 1500 }, (_, n) => slice(n))
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        yield* index.add(many)
        // The answer says that all of them are in the index, not only in the journal.
        assert.deepStrictEqual(yield* index.verify, { missing: 0, orphaned: 0 })
        yield* index.remove(many.slice(300, 1400).map((_, i) => removal(300 + i)))
      }),
    )
    assert.strictEqual(yield* removedOnDisk, 1100)
    yield* inLife(dir, () => Effect.repeat(removedOnDisk, { until: (removed) => removed === 0 }))
    yield* inLife(dir, (index) => holds(index, 400))
  }),
)

it.live("a caller that stops waiting leaves the thread alone", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        const adding = yield* Effect.forkChild(index.add(slices), { startImmediately: true })
        yield* Fiber.interrupt(adding)
        yield* holds(index, 200)
      }),
    )
  }),
)
