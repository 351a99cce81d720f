// Sources are merged in their order, and what is wrong is named by its key.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { load } from "../../src/config/GatewayConfig.ts"
import { variableName } from "../../src/config/layers.ts"

const withFile = (text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* fs.makeTempFileScoped({ suffix: ".yaml" })
    yield* fs.writeFileString(path, text)
    return path
  })

describe("configuration", () => {
  it.effect("takes defaults, file, environment and flags in this order", () =>
    Effect.gen(function* () {
      const file = yield* withFile("listener:\n  port: 1\n  maxPartBytes: 2\nstudy:\n  quietSeconds: 3\n")
      const settings = yield* load({
        file,
        environment: {
          GATEWAY_LISTENER_PORT: "4",
          GATEWAY_STUDY_QUIET_SECONDS: "6",
          GATEWAY_NATS_TOKEN: "77",
          PATH: "/",
        },
        flags: { study: { quietSeconds: 7 } },
      })
      assert.strictEqual(settings.listener.maxPartBytes, 2)
      assert.strictEqual(settings.listener.port, 4)
      assert.strictEqual(settings.study.quietSeconds, 7)
      assert.strictEqual(settings.listener.host, "127.0.0.1")
      assert.strictEqual(Redacted.value(settings.nats.token), "77")
      assert.notInclude(String(settings.nats.token), "77")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )

  it.effect.each([
    ["listener:\n  prot: 1\n", /^listener\.prot: unknown key; listener takes host, port/],
    ["listener:\n  port: lots\n", /^listener\.port: expected number/],
    ["listener:\n  port: 70000\n", /^listener\.port: expected .*65535/],
    ["listener: 7\n", /^listener: expected/],
    ["listener:\n  host: 0.0.0.0\n", /listener\.host/],
    ["- a\n", /mapping/],
  ] as const)("refuses %j and says where", ([text, expected]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load({ file: yield* withFile(text) }))
      assert.match(error.message, expected)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )

  it.effect("refuses a variable that names no key", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load({ environment: { GATEWAY_LISTENER_PROT: "1" } }))
      assert.include(error.message, "GATEWAY_LISTENER_PROT")
    }).pipe(Effect.provide(NodeServices.layer)),
  )

  it("names variables after keys", () => {
    assert.strictEqual(variableName(["listener", "maxPartBytes"]), "GATEWAY_LISTENER_MAX_PART_BYTES")
  })
})
