// Imports point one way: main → commands → streams → stages → domain. Stages do not import each other.
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "../..")

/** A room may import rooms of a lower rank and its own; type-only imports of a service's interface are free. */
const rank: Readonly<Record<string, number>> = {
  "src/types": 0,
  "src/disk": 0,
  "src/domain": 0,
  "src/config": 1,
  "src/workers": 1,
  "src/dicom": 1,
  "src/http": 1,
  // Stages: each knows the domain and itself.
  "src/normalise": 2,
  "src/decode": 2,
  "src/embed": 2,
  "src/ledger": 2,
  "src/vector-index": 2,
  "src/rerank": 2,
  "src/phantom": 4,
  "src/convert": 3,
  "src/load": 2,
  "src/events": 3,
  "src/deletion": 3,
  // Doors: they answer callers out of several stages.
  "src/access": 4,
  "src/listener": 4,
  "src/dicomweb": 4,
  "src/query": 4,
  // Which model serves: what is embedded, indexed and asked in its space.
  "src/models": 4.5,
  "src/alerts": 5,
  "src/worklist": 5,
  // Makes storage whole, with what the doors read files by.
  "src/recovery": 5.5,
  "src/verify": 5.5,
  "src/api": 6,
  streams: 7,
  "src/gateway.ts": 8,
  "src/demo": 8,
  "src/benchmark": 9,
  "src/commands": 10,
  "src/main.ts": 11,
}

const room = (file: string) => {
  const [top = "", second = ""] = file.split("/")
  return top === "src" ? `src/${second}` : top
}

const sources = ["src", "streams"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name)),
)

const runtimeImports = (file: string) =>
  [
    ...readFileSync(join(root, file), "utf8").matchAll(/^(?:import|export)\s+(?!type\b)[^"']*?from\s+"(\.[^"]+)"/gm),
  ].map(([, specifier = ""]) => relative(root, resolve(root, dirname(file), specifier)))

describe("dependencies", () => {
  it("know every room", () => {
    assert.deepStrictEqual(
      [...new Set(sources.map(room))].filter((name) => !(name in rank)),
      [],
    )
  })

  it("point one way", () => {
    const wrong = sources.flatMap((file) =>
      runtimeImports(file)
        .filter((target) => room(target) !== room(file) && rank[room(target)]! >= rank[room(file)]!)
        // The events' payloads are schemas, as the domain's are.
        .filter((target) => target !== "src/events/events.ts")
        .map((target) => `${file} → ${target}`),
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("see the imports they judge", () => {
    assert.include(runtimeImports("src/config/GatewayConfig.ts"), "src/config/layers.ts")
    assert.isAbove(sources.flatMap(runtimeImports).length, 20)
  })
})
