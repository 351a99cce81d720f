// `status`: what waits where, and for how long; or one study, version by version and instance by instance.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, explain } from "../api/client.ts"
import { InstanceStage } from "../domain/instance.ts"
import type { GatewayStatus, InstanceStatus, ReadyEvidence, StudyStatus } from "../domain/study.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"
import { table } from "./table.ts"

/** Instances shown, and asked for at a time. */
const page = 1000

const gatewayLines = (status: GatewayStatus) => [
  `instances   ${status.instances}`,
  `slices      ${status.slices.indexed} of ${status.slices.embeddable} searchable`,
  `studies     ${Object.entries(status.studies)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ")}`,
  `set aside   ${status.setAside}`,
  `index       sequence ${status.indexSequence}`,
  ...Object.entries(status.drift)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `DIFFERS     ${count} ${kind}: run verify`),
  ...Object.entries(status.stages).map(
    ([stage, { pending, oldestSeconds }]) =>
      `${stage.padEnd(11)} ${pending} waiting${pending === 0 ? "" : `, oldest ${oldestSeconds.toFixed(1)} s`}`,
  ),
]

const said = { sender: "its sender", upstream: "the archive it comes from" } as const

const because = ({ kind, instances, setAside = 0, quietSeconds, waitedSeconds, expected }: ReadyEvidence): string => {
  const why = {
    "quiet-time": `nothing came for ${(quietSeconds ?? 0).toFixed(1)} s`,
    "expected-count":
      expected === undefined ? "complete" : `all ${expected.instances} came that ${said[expected.from]} announced`,
    "maximum-wait": `the maximum wait was over after ${(waitedSeconds ?? 0).toFixed(0)} s${
      expected === undefined ? "" : `, ${expected.instances} were announced`
    }`,
    explicit: "its sender said so",
  }[kind]
  return `${why}; ${instances} instances${setAside === 0 ? "" : `, ${setAside} set aside`}`
}

const instanceRow = ({ SOPInstanceUID, stage, reason = "", frames }: InstanceStatus) => [
  SOPInstanceUID,
  stage,
  `${frames.indexed}/${frames.embeddable}`,
  reason,
]

const studyLines = (status: StudyStatus) => {
  const { state, version, versions, stages, waiting, expected, instances, remaining } = status
  const counts = Object.entries(stages).filter(([, count]) => count > 0)
  return [
    `study       ${status.StudyInstanceUID}`,
    `state       ${state}, version ${version}`,
    ...(waiting === undefined
      ? []
      : [
          `waiting     open for ${waiting.openSeconds.toFixed(1)} s, nothing came for ${waiting.quietSeconds.toFixed(1)} s`,
        ]),
    ...(expected === undefined ? [] : [`expected    ${expected.instances} instances, as ${said[expected.from]} says`]),
    `instances   ${counts.map(([stage, count]) => `${count} ${stage}`).join(", ")}`,
    ...(versions.length === 0
      ? []
      : [
          "",
          ...table(
            ["VERSION", "READY AT", "BECAUSE"],
            versions.map((one) => [String(one.version), one.readyAt, because(one.evidence)]),
          ),
        ]),
    ...(instances.length === 0
      ? []
      : ["", ...table(["SOP INSTANCE UID", "STAGE", "FRAMES", "WHY NOT"], instances.map(instanceRow))]),
    ...(remaining === 0 ? [] : [`and ${remaining} more: --all shows them, --stage set-aside what was given up`]),
  ]
}

export const status = Command.make(
  "status",
  {
    url,
    json,
    ...signIn,
    study: Flag.String("study").pipe(
      Flag.withDescription("One study: its versions, and where each instance is"),
      Flag.withSchema(StudyInstanceUID),
      Flag.optional,
    ),
    stage: Flag.Literals("stage", InstanceStage.literals).pipe(
      Flag.withDescription("With --study: only the instances that are there"),
      Flag.optional,
    ),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription(`With --study: all instances, not only the first ${page}`),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ url, json, study, stage, all, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const print = <A>(value: A, lines: (value: A) => ReadonlyArray<string>) =>
      Console.log(json ? JSON.stringify(value, null, 2) : lines(value).join("\n"))
    if (Option.isNone(study)) return yield* print(yield* explain(url)(client.operations.status()), gatewayLines)
    const ask = (offset: number) =>
      explain(url)(
        client.studies.status({
          params: { StudyInstanceUID: study.value },
          query: { offset, limit: page, ...(Option.isSome(stage) ? { stage: stage.value } : {}) },
        }),
      )
    let found = yield* ask(0)
    while (found.remaining > 0) {
      const next: StudyStatus | undefined = all ? yield* ask(found.instances.length) : undefined
      if (next === undefined || next.instances.length === 0) break
      found = { ...next, instances: [...found.instances, ...next.instances] }
    }
    yield* print(found, studyLines)
  }),
).pipe(Command.withDescription("Show what is stored, searchable, waiting and set aside"))
