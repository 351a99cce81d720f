// The table of who may what knows every route that is registered, and takes addresses as the router does.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { accessTable } from "../../src/access/routes.ts"
import { DicomwebRoutes } from "../../src/dicomweb/routes.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { StowRoutes } from "../../src/listener/stow.ts"

const find = accessTable({})

describe("the table of who may what", () => {
  it("knows no more than it says", () => {
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", "/nowhere"],
      ["PATCH", "/dicomweb/studies"],
      ["DELETE", "/dicomweb/studies"],
      ["POST", "/api/status"],
      ["GET", "/dicomweb/studies/1/2"],
      ["TRACE", "/dicomweb/studies"],
    ] as const) {
      assert.isUndefined(find(method, path), `${method} ${path}`)
    }
  })

  it("asks the same of HEAD as of GET, and gives deleting to nobody else", () => {
    assert.strictEqual(find("HEAD", "/dicomweb/studies/1.2?x=y")?.needs, "read")
    assert.strictEqual(find("DELETE", "/dicomweb/studies/1.2")?.needs, "delete")
    assert.strictEqual(find("DELETE", "/dicomweb/studies/1.2/series/3")?.needs, "delete")
    assert.strictEqual(find("POST", "/dicomweb/studies")?.needs, "store")
    assert.strictEqual(find("GET", "/metrics")?.needs, "operate")
    assert.strictEqual(find("GET", "/dicomweb/studies/1.2")?.study, "1.2")
  })

  it.effect("knows every route that the DICOMweb rooms register", () =>
    Effect.gen(function* () {
      const routes: Array<{ readonly method: string; readonly path: string }> = []
      const router = yield* HttpRouter.make
      const collecting = (prefix: string): typeof router =>
        HttpRouter.HttpRouter.of({
          ...router,
          prefixed: (more) => collecting(`${prefix}${more}`),
          addAll: (some) =>
            Effect.sync(() => some.forEach(({ method, path }) => routes.push({ method, path: `${prefix}${path}` }))),
        })
      yield* Layer.build(Layer.mergeAll(DicomwebRoutes(), StowRoutes({ maxPartBytes: 1 }))).pipe(
        Effect.provideService(HttpRouter.HttpRouter, collecting("")),
        // The store room wraps it while its routes are built.
        Effect.provide(layerMemory),
      ) as Effect.Effect<unknown>
      assert.isAtLeast(routes.length, 20)
      assert.deepStrictEqual(
        routes.filter(
          ({ method, path }) => find(method, path.replaceAll(/:\w+/g, "1").replace("*", "1")) === undefined,
        ),
        [],
      )
    }).pipe(Effect.scoped),
  )
})
