// The configuration in force: defaults, then --config, then GATEWAY_ variables, then flags; unknown keys are refused.
import { isIP } from "node:net"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Yaml from "effect/encoding/Yaml"
import { signInIsOn } from "./access-settings.ts"
import { merge, overridesFromEnvironment, type Tree, unknownKeys } from "./layers.ts"
import { Settings } from "./settings.ts"

export class ConfigurationError extends Schema.TaggedError<ConfigurationError>()("ConfigurationError", {
  /** For the person who wrote the configuration: the key's path and what is allowed. */
  message: Schema.String,
}) {}

export interface Sources {
  /** File given by --config. */
  readonly file?: string | undefined
  /** Overrides by flags. */
  readonly flags?: Tree | undefined
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

const defaultsFile = new URL("../../gateway-config/gateway.yaml", import.meta.url)

const readYaml = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(path)
    .pipe(Effect.mapError(() => new ConfigurationError({ message: `cannot read ${path}` })))
  const parsed = yield* Effect.try({
    try: () => (Yaml.parse(text) ?? {}) as unknown,
    catch: (cause) => new ConfigurationError({ message: `${path}: not YAML (${String(cause)})` }),
  })
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return yield* new ConfigurationError({ message: `${path}: expected a mapping of keys` })
  }
  return parsed as Tree
})

/** "Expected number\n  at ["listener"]["port"]" → "listener.port: expected number" */
const byKey = (message: string) =>
  message.replace(/([^\n]+)\n\s*at ((?:\["[^"]*"\]|\[\d+\])+)/g, (_, fault: string, path: string) => {
    const key = [...path.matchAll(/\["?([^"\]]*)"?\]/g)].map(([, name]) => name).join(".")
    return `${key}: ${fault.trim().charAt(0).toLowerCase()}${fault.trim().slice(1)}`
  })

export const isLoopback = (host: string) =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))

/** What the configuration leaves open to the network without saying so. */
const openDoor = ({ listener, access }: Settings): string | undefined => {
  const { host, tls, allowUnauthenticated, allowPlaintext } = listener
  if (isLoopback(host)) return undefined
  const outside = `listener.host: ${host} is not loopback`
  if (!signInIsOn(access) && !allowUnauthenticated) {
    return `${outside} and nobody has to sign in; set access.keys, access.tokens or access.certificates, or put it behind a proxy that signs people in and set listener.allowUnauthenticated to true`
  }
  return tls.certificate === "" && !allowPlaintext
    ? `${outside} and there is no TLS; set listener.tls, or put it behind a proxy that ends TLS and set listener.allowPlaintext to true`
    : undefined
}

/** Reads, merges and checks every source. Fails with the key's path and what is allowed there. */
export const load = Effect.fnUntraced(function* (sources: Sources) {
  const defaults = yield* readYaml(defaultsFile.pathname)
  const file = sources.file === undefined ? {} : yield* readYaml(sources.file)
  const { overrides, unknown } = overridesFromEnvironment(defaults, sources.environment ?? {})
  if (unknown.length > 0) {
    return yield* new ConfigurationError({
      message: `unknown variable ${unknown.join(", ")}; see gateway-config/gateway.yaml for the keys`,
    })
  }
  const merged = [file, overrides, sources.flags ?? {}].reduce(merge, defaults)
  const strangers = unknownKeys(defaults, merged)
  if (strangers.length > 0) return yield* new ConfigurationError({ message: strangers.join("\n") })
  const strict = { errors: "all", onExcessProperty: "error" } as const
  const settings = yield* Schema.decodeUnknownEffect(
    Settings,
    strict,
  )(merged).pipe(Effect.mapError((error) => new ConfigurationError({ message: byKey(error.message) })))
  const opened = openDoor(settings)
  if (opened !== undefined) return yield* new ConfigurationError({ message: opened })
  return settings
})

export class GatewayConfig extends Context.Service<GatewayConfig, Settings>()("gateway/config/GatewayConfig") {
  static readonly layer = (sources: Sources) => Layer.effect(GatewayConfig, load(sources))
}
