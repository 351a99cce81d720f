// `set-aside list | show | requeue`: what a stage gave up, why, and another try for it.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, ClientError, explain } from "../api/client.ts"
import type { SetAsideItem } from "../domain/study.ts"
import { SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"
import { table } from "./table.ts"

const filter = {
  study: Flag.String("study").pipe(
    Flag.withDescription("Only of this study"),
    Flag.withSchema(StudyInstanceUID),
    Flag.optional,
  ),
  stage: Flag.String("stage").pipe(Flag.withDescription("Only what this stage gave up: decode, embed"), Flag.optional),
}

const filterOf = ({
  study,
  stage,
}: {
  readonly study: Option.Option<StudyInstanceUID>
  readonly stage: Option.Option<string>
}) => ({
  ...(Option.isSome(study) ? { StudyInstanceUID: study.value } : {}),
  ...(Option.isSome(stage) ? { stage: stage.value } : {}),
})

const list = Command.make(
  "list",
  {
    url,
    json,
    ...signIn,
    ...filter,
    after: Flag.Int("after").pipe(
      Flag.withDescription("Goes on behind this receipt, as the last line of a page says"),
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
      Flag.withDefault(0),
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("At most so many"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))),
      Flag.withDefault(100),
    ),
  },
  Effect.fnUntraced(function* ({ url, json, study, stage, after, limit, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const query = { ...filterOf({ study, stage }), after, limit }
    const items = yield* explain(url)(client.setAside.list({ query }))
    if (json) return yield* Console.log(JSON.stringify(items, null, 2))
    if (items.length === 0) return yield* Console.log("nothing is set aside")
    const rows = items.map(({ since, stage, SOPInstanceUID, reason }) => [since, stage, SOPInstanceUID, reason])
    yield* Console.log(table(["SINCE", "STAGE", "SOP INSTANCE UID", "REASON"], rows).join("\n"))
    const last = items.at(-1)!.receipt
    if (items.length === limit) yield* Console.log(`there may be more: --after ${last}`)
  }),
).pipe(Command.withDescription("List what a stage gave up, with reasons"))

const lines = (item: SetAsideItem) => [
  `instance   ${item.SOPInstanceUID}`,
  `series     ${item.SeriesInstanceUID}`,
  `study      ${item.StudyInstanceUID}`,
  `class      ${item.SOPClassUID}`,
  `syntax     ${item.TransferSyntaxUID}`,
  `bytes      ${item.bytes}`,
  `stage      ${item.stage}`,
  `reason     ${item.reason}`,
  `since      ${item.since}`,
  `attempts   ${item.attempts}`,
  `frames     ${item.frames.indexed} of ${item.frames.embeddable} searchable`,
]

const show = Command.make(
  "show",
  {
    instance: Argument.String("instance").pipe(
      Argument.withDescription("SOP Instance UID"),
      Argument.withSchema(SOPInstanceUID),
    ),
    url,
    json,
    ...signIn,
  },
  Effect.fnUntraced(function* ({ instance, url, json, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const item = yield* explain(url)(client.setAside.show({ params: { SOPInstanceUID: instance } }))
    yield* Console.log(json ? JSON.stringify(item, null, 2) : lines(item).join("\n"))
  }),
).pipe(Command.withDescription("Show one instance that a stage gave up"))

const requeue = Command.make(
  "requeue",
  {
    instances: Argument.String("instance").pipe(
      Argument.withDescription("SOP Instance UIDs"),
      Argument.withSchema(SOPInstanceUID),
      Argument.variadic({ max: 1000 }),
    ),
    all: Flag.Boolean("all").pipe(Flag.withDescription("All that is set aside"), Flag.withDefault(false)),
    url,
    json,
    ...signIn,
    ...filter,
  },
  Effect.fnUntraced(function* ({ instances, all, url, json, study, stage, ...given }) {
    const wanted = { ...filterOf({ study, stage }), ...(instances.length === 0 ? {} : { SOPInstanceUID: instances }) }
    if (!all && Object.keys(wanted).length === 0) {
      return yield* new ClientError({ message: "say which: SOP Instance UIDs, --study, --stage, or --all" })
    }
    const client = yield* apiClient(url, signInHeaders(given))
    const answer = yield* explain(url)(client.setAside.requeue({ payload: wanted }))
    yield* Console.log(json ? JSON.stringify(answer) : `${answer.requeued} on the way again`)
  }),
).pipe(Command.withDescription("Try again: some instances, what is set aside of a study or by a stage, or all of it"))

export const setAside = Command.make("set-aside").pipe(
  Command.withDescription("What a stage gave up: list it, look at it, try it again"),
  Command.withSubcommands([list, show, requeue]),
)
