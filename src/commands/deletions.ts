// `deletions`: what was deleted, and with a UID the proof that it is gone.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, ClientError, explain } from "../api/client.ts"
import type { DeletionProof } from "../domain/deletion.ts"
import { AnyUID } from "../domain/uid.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`
const clean = (is: boolean) => (is ? "clean" : "not clean yet")

const proofLines = ({
  deleted,
  storedAgain,
  blobs,
  ledger,
  vectors,
  events,
  workItems,
  kept,
  backups,
  ...proof
}: DeletionProof) => [
  `${proof.level} ${proof.uid}: ${counted(deleted.instances, "instance")} deleted`,
  `  first ${deleted.firstAt}, last ${deleted.lastAt}; ${deleted.byRequest} by request, ${deleted.byRetention} by retention`,
  `  files          ${blobs.removed} removed, ${blobs.keptForOthers} kept for others, ${blobs.left} left`,
  `  ledger         ${ledger.rows} rows, ${ledger.alerts} alerts left; files ${clean(ledger.filesClean)}`,
  `  copies         ${backups} rows in copies of ledger and worklist`,
  `  vectors        ${vectors.journal} in journals, ${vectors.index} in indexes, ${vectors.snapshots} old snapshots; files ${clean(vectors.filesClean)}`,
  `  events         ${events.outbox} waiting, ${events.embeddings < 0 ? "broker away" : `${events.embeddings} messages with vectors`}`,
  `  work items     ${workItems.own} of the gateway, ${workItems.clients} of clients`,
  ...(kept.standingRegions.length === 0
    ? []
    : [`  kept           standing regions ${kept.standingRegions.join(", ")}`]),
  ...(storedAgain.instances === 0
    ? []
    : [`  stored again   ${counted(storedAgain.instances, "instance")}, with new receipts`]),
  ...proof.outstanding.map((sentence) => `  outstanding: ${sentence}`),
  proof.complete ? "complete" : "NOT complete",
]

export const deletions = Command.make(
  "deletions",
  {
    uid: Argument.String("UID").pipe(
      Argument.withSchema(AnyUID),
      Argument.withDescription("UID of a study, series or instance: prove that it is gone"),
      Argument.optional,
    ),
    limit: Flag.Int("limit").pipe(Flag.withDescription("Studies to list"), Flag.withDefault(100)),
    offset: Flag.Int("offset").pipe(Flag.withDescription("Studies to skip"), Flag.withDefault(0)),
    url,
    json,
    ...signIn,
  },
  Effect.fnUntraced(function* ({ uid, limit, offset, url, json, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    if (Option.isNone(uid)) {
      const studies = yield* explain(url)(client.deletions.list({ query: { limit, offset } }))
      const lines = studies.map(
        ({ StudyInstanceUID, instances, lastDeletedAt, storedAgain }) =>
          `${lastDeletedAt}  ${StudyInstanceUID}  ${counted(instances, "instance")}${storedAgain === 0 ? "" : `, ${storedAgain} stored again`}`,
      )
      return yield* Console.log(json ? JSON.stringify(studies, null, 2) : lines.join("\n") || "nothing was deleted")
    }
    const proof = yield* explain(url)(client.deletions.get({ params: { uid: uid.value } }))
    yield* Console.log(json ? JSON.stringify(proof, null, 2) : proofLines(proof).join("\n"))
    if (!proof.complete) return yield* new ClientError({ message: "something of it is left" })
  }),
).pipe(
  Command.withDescription("List what was deleted; with a UID prove that it is gone, exit 1 when something is left"),
)
