// `status`: what waits where, and for how long.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, explain } from "../api/client.ts"
import type { GatewayStatus, StudyStatus } from "../domain/study.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const gatewayLines = (status: GatewayStatus) => [
  `instances   ${status.instances}`,
  `slices      ${status.slices.indexed} of ${status.slices.embeddable} searchable`,
  `set aside   ${status.setAside}`,
  `index       sequence ${status.indexSequence}`,
  ...Object.entries(status.stages).map(
    ([stage, { pending, oldestSeconds }]) =>
      `${stage.padEnd(11)} ${pending} waiting${pending === 0 ? "" : `, oldest ${oldestSeconds.toFixed(1)} s`}`,
  ),
]

const studyLines = (status: StudyStatus) => [
  `${status.StudyInstanceUID}: ${status.state}, version ${status.version}`,
  ...status.instances.map(
    ({ SOPInstanceUID, stage, reason, frames }) =>
      `  ${SOPInstanceUID}  ${stage}${reason === undefined ? ` ${frames.indexed}/${frames.embeddable}` : `: ${reason}`}`,
  ),
]

export const status = Command.make(
  "status",
  {
    url,
    json,
    ...signIn,
    study: Flag.String("study").pipe(
      Flag.withDescription("One study, instance by instance"),
      Flag.withSchema(StudyInstanceUID),
      Flag.optional,
    ),
  },
  Effect.fnUntraced(function* ({ url, json, study, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const print = <A>(value: A, lines: (value: A) => ReadonlyArray<string>) =>
      Console.log(json ? JSON.stringify(value, null, 2) : lines(value).join("\n"))
    if (Option.isSome(study)) {
      const params = { StudyInstanceUID: study.value }
      yield* print(yield* explain(url)(client.studies.status({ params })), studyLines)
    } else {
      yield* print(yield* explain(url)(client.operations.status()), gatewayLines)
    }
  }),
).pipe(Command.withDescription("Show what is stored, searchable, waiting and set aside"))
