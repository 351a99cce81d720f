// Flags that several subcommands share.
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
