// Flags that several subcommands share.
import * as Option from "effect/Option"
import * as Flag from "effect/cli/Flag"
import { defaultUrl } from "../api/client.ts"

export const url = Flag.String("url").pipe(
  Flag.withDescription("Address of the running gateway"),
  Flag.withDefault(defaultUrl),
)

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON instead of text"),
  Flag.withDefault(false),
)

/** Not GATEWAY_…: those are keys of the configuration. */
const variables = { token: "REGION_GATEWAY_TOKEN", apiKey: "REGION_GATEWAY_API_KEY" } as const

/** How to sign in where the gateway asks for it. Variables keep the secret out of the list of processes. */
export const signIn = {
  token: Flag.String("token").pipe(Flag.withDescription(`Bearer token; better in ${variables.token}`), Flag.optional),
  apiKey: Flag.String("api-key").pipe(Flag.withDescription(`API key; better in ${variables.apiKey}`), Flag.optional),
}

/** The headers that sign in; none where nothing was given. A flag counts before a variable. */
export const signInHeaders = ({
  token,
  apiKey,
}: {
  readonly token: Option.Option<string>
  readonly apiKey: Option.Option<string>
}): Readonly<Record<string, string>> => {
  const given = Option.isSome(token) || Option.isSome(apiKey)
  const value = (flag: Option.Option<string>, variable: string) =>
    Option.getOrUndefined(flag) ?? (given ? undefined : process.env[variable])
  const [bearer, key] = [value(token, variables.token), value(apiKey, variables.apiKey)]
  return {
    ...(key === undefined || key === "" ? {} : { "x-api-key": key }),
    ...(bearer === undefined || bearer === "" ? {} : { authorization: `Bearer ${bearer}` }),
  }
}
