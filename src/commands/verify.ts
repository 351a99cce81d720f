// `verify`: compares blobs, ledger, journal and index of a running gateway.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { apiClient, ClientError, explain } from "../api/client.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

export const verify = Command.make(
  "verify",
  { url, json, ...signIn },
  Effect.fnUntraced(function* ({ url, json, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const report = yield* explain(url)(client.operations.verify())
    yield* Console.log(
      json
        ? JSON.stringify(report, null, 2)
        : [
            `blobs missing      ${report.blobsMissing.length}`,
            `blobs orphaned     ${report.blobsOrphaned}`,
            `frames differing   ${report.framesDiffering.length}`,
            `index missing      ${report.index.missing}`,
            `index orphaned     ${report.index.orphaned}`,
            report.consistent ? "consistent" : "NOT consistent",
          ].join("\n"),
    )
    if (!report.consistent) return yield* new ClientError({ message: "blobs, ledger, journal and index differ" })
  }),
).pipe(Command.withDescription("Compare blobs, ledger, journal and index; exit 1 when they differ"))
