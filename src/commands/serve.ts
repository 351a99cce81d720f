// `serve`: runs the gateway until it is told to stop.
import { resolve } from "node:path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as HttpServer from "effect/http/HttpServer"
import { isSecure } from "../access/http-server.ts"
import { ConfigurationError, GatewayConfig, type Sources } from "../config/GatewayConfig.ts"
import { Gateway } from "../gateway.ts"

/** One line, once everything answers. */
const announce = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const { listener, data } = yield* GatewayConfig
  const port = "port" in address ? address.port : listener.port
  const url = `${isSecure(listener) ? "https" : "http"}://${listener.host.includes(":") ? `[${listener.host}]` : listener.host}:${port}`
  yield* Console.log(
    `region-gateway ready: ${url}/dicomweb (DICOMweb), ${url}/api (API), ${url}/openapi.json, ${url}/metrics; data in ${resolve(data)}`,
  )
})

const run = (sources: Sources) =>
  Effect.gen(function* () {
    const config = yield* GatewayConfig
    yield* Layer.launch(Layer.effectDiscard(announce).pipe(Layer.provide(Gateway))).pipe(
      Effect.provideService(References.MinimumLogLevel, config.log.level),
      Effect.catchTag("ServeError", ({ cause }) => {
        const { host, port } = config.listener
        const code = String((cause as { readonly code?: unknown }).code ?? cause)
        return new ConfigurationError({ message: `listener: ${host}, port ${port} cannot be bound (${code})` })
      }),
    )
  }).pipe(Effect.provide(GatewayConfig.layer(sources)))

export const serve = Command.make(
  "serve",
  {
    config: Flag.String("config").pipe(
      Flag.withAlias("c"),
      Flag.withDescription("YAML file with the keys that differ from gateway-config/gateway.yaml"),
      Flag.optional,
    ),
    data: Flag.String("data").pipe(Flag.withDescription("Data folder"), Flag.optional),
    port: Flag.Int("port").pipe(Flag.withDescription("Port to listen on; 0 takes a free one"), Flag.optional),
  },
  ({ config, data, port }) =>
    run({
      file: Option.getOrUndefined(config),
      environment: process.env,
      flags: {
        ...(Option.isSome(data) ? { data: data.value } : {}),
        ...(Option.isSome(port) ? { listener: { port: port.value } } : {}),
      },
    }),
).pipe(Command.withDescription("Receive, index and answer queries"))
