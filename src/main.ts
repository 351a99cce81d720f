#!/usr/bin/env node
// The command line: one subcommand a file in src/commands.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Command from "effect/cli/Command"
import { apiKey } from "./commands/api-key.ts"
import { benchmark } from "./commands/benchmark.ts"
import { convert } from "./commands/convert.ts"
import { deletions } from "./commands/deletions.ts"
import { demo } from "./commands/demo.ts"
import { hold } from "./commands/hold.ts"
import { load } from "./commands/load.ts"
import { model } from "./commands/model.ts"
import { query } from "./commands/query.ts"
import { rebuild } from "./commands/rebuild.ts"
import { retention } from "./commands/retention.ts"
import { recover } from "./commands/recover.ts"
import { serve } from "./commands/serve.ts"
import { setAside } from "./commands/set-aside.ts"
import { status } from "./commands/status.ts"
import { verify } from "./commands/verify.ts"

const gateway = Command.make("region-gateway").pipe(
  Command.withDescription(
    "Streaming DICOM gateway: every region of every CT and MR volume searchable by what it looks like",
  ),
  Command.withSubcommands([
    serve,
    load,
    query,
    status,
    verify,
    rebuild,
    model,
    setAside,
    deletions,
    hold,
    retention,
    recover,
    convert,
    benchmark,
    apiKey,
    demo,
  ]),
)

/** Standard output is for answers; the log goes to standard error. */
const Log = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

/** What a person caused is said in one sentence; anything else keeps its trace. */
const sayWhatFailed = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  const expected = typeof error === "object" && error !== null && "_tag" in error && error instanceof Error
  // By then the command line has shown its help.
  const helped = expected && error._tag === "ShowHelp"
  return Cause.hasInterruptsOnly(cause) || helped
    ? Effect.void
    : Console.error(expected ? error.message : Cause.pretty(cause))
}

gateway.pipe(
  Command.run({ version: "0.3.0" }),
  Effect.tapCause(sayWhatFailed),
  Effect.provide(Layer.mergeAll(NodeServices.layer, Log)),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // A stop that was asked for is not a failure.
    teardown: (exit, onExit) => onExit(exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1),
  }),
)
