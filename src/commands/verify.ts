// `verify`: compares blobs, ledger, journal and index of a running gateway, and mends what differs.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, ClientError, explain } from "../api/client.ts"
import type { VerificationReport } from "../verify/report.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const shown = 20

const named = (what: string, uids: ReadonlyArray<string>) =>
  uids.length === 0
    ? []
    : [`${what}:`, ...uids.slice(0, shown).map((uid) => `  ${uid}`), ...(uids.length > shown ? ["  …"] : [])]

/** One line a kind of difference, what became of it, and the instances it is about. */
export const reportLines = (report: VerificationReport, repair: boolean): ReadonlyArray<string> => {
  const { counts, index } = report
  const count = (...kinds: ReadonlyArray<string>) => kinds.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0)
  const lost = count("blob-missing", "blob-damaged")
  return [
    `instances          ${report.instances} compared in ${report.seconds.toFixed(1)} s${report.digests ? ", every file read again" : ""}`,
    `blobs missing      ${count("blob-missing")}`,
    `blobs damaged      ${count("blob-damaged")}${report.digests ? "" : " (by size; --digests reads every file again)"}`,
    `blobs orphaned     ${report.blobsOrphaned}`,
    `frames differing   ${count("frames-differ", "not-stored", "blob-back")}`,
    `index missing      ${index.missing}`,
    `index orphaned     ${index.orphaned}`,
    ...named("blobs missing", report.blobsMissing),
    ...named("blobs damaged", report.blobsDamaged),
    ...named("frames differing", report.framesDiffering),
    ...(repair ? [`mended             ${report.repaired}`] : []),
    report.consistent
      ? "consistent"
      : lost > 0
        ? `NOT consistent: ${lost} instances have lost their file${repair ? " and are set aside" : ""}; the same bytes sent again bring them back`
        : "NOT consistent: run verify --repair",
  ]
}

export const verify = Command.make(
  "verify",
  {
    url,
    json,
    ...signIn,
    repair: Flag.Boolean("repair").pipe(
      Flag.withDescription("Mend what differs; set instances aside whose file is lost"),
      Flag.withDefault(false),
    ),
    digests: Flag.Boolean("digests").pipe(
      Flag.withDescription("Read every stored file again and compare its digest (hours for a large archive)"),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ url, json, repair, digests, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const look = client.operations
      .verification()
      .pipe(
        Effect.tap(({ instances, running }) =>
          running ? Effect.sync(() => process.stderr.write(`${instances} instances compared\n`)) : Effect.void,
        ),
      )
    const progress = look.pipe(Effect.ignore, Effect.delay("10 seconds"), Effect.forever)
    const first = yield* explain(url)(client.operations.verify({ payload: { repair, digests } })).pipe(
      Effect.raceFirst(progress),
    )
    const report = first.running
      ? yield* explain(url)(look).pipe(
          Effect.repeat({ while: ({ running }) => running, schedule: Schedule.spaced("10 seconds") }),
        )
      : first
    yield* Console.log(json ? JSON.stringify(report, null, 2) : reportLines(report, repair).join("\n"))
    if (!report.consistent) return yield* new ClientError({ message: "blobs, ledger, journal and index differ" })
  }),
).pipe(
  Command.withDescription(
    "Compare blobs, ledger, journal and index, and mend them; exit 1 when they differ afterwards",
  ),
)
