// `query`: asks a running gateway for what looks like a region.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, ClientError, explain } from "../api/client.ts"
import type { Hit } from "../domain/hit.ts"
import type { Region } from "../domain/region.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const numbers = (text: string) => text.split(",").map(Number)

/** "a,b" as slice indices, "x,y,z,x,y,z" as a box in LPS mm, or "uid:n" as a segment. */
const parseRegion = (options: {
  readonly slices: Option.Option<string>
  readonly box: Option.Option<string>
  readonly segment: Option.Option<string>
}): Effect.Effect<Region | undefined, ClientError> => {
  const wrong = (what: string) => Effect.fail(new ClientError({ message: what }))
  if (Option.isSome(options.slices)) {
    const [from, to, ...more] = numbers(options.slices.value)
    return from === undefined || to === undefined || more.length > 0 || !Number.isInteger(from) || !Number.isInteger(to)
      ? wrong("--slices takes two indices: FROM,TO")
      : Effect.succeed({ slices: { from, to } })
  }
  if (Option.isSome(options.box)) {
    const [a, b, c, d, e, f, ...more] = numbers(options.box.value)
    if (
      a === undefined ||
      b === undefined ||
      c === undefined ||
      d === undefined ||
      e === undefined ||
      f === undefined
    ) {
      return wrong("--box takes six numbers in mm (LPS): X,Y,Z,X,Y,Z")
    }
    return more.length > 0 || [a, b, c, d, e, f].some(Number.isNaN)
      ? wrong("--box takes six numbers in mm (LPS): X,Y,Z,X,Y,Z")
      : Effect.succeed({
          box: {
            min: [Math.min(a, d), Math.min(b, e), Math.min(c, f)],
            max: [Math.max(a, d), Math.max(b, e), Math.max(c, f)],
          },
        })
  }
  if (Option.isSome(options.segment)) {
    const [uid = "", number = ""] = options.segment.value.split(":")
    return /^[0-9.]{1,64}$/.test(uid) && /^[1-9][0-9]*$/.test(number)
      ? Effect.succeed({ segment: { SOPInstanceUID: SOPInstanceUID.make(uid), SegmentNumber: Number(number) } })
      : wrong("--segment takes the SEG's SOP Instance UID and a segment number: UID:N")
  }
  return Effect.succeed(undefined)
}

const mm = (values: ReadonlyArray<number>) => values.map((value) => value.toFixed(0)).join(",")

export const hitLine = ({ rank, score, SeriesInstanceUID, slices, box }: Hit) =>
  `${String(rank).padStart(3)}  ${score.toFixed(3)}  slices ${slices.from.index}-${slices.to.index} (${slices.count})  box ${mm(box.min)} to ${mm(box.max)} mm  ${SeriesInstanceUID}`

const region = {
  slices: Flag.String("slices").pipe(Flag.withDescription("Slice indices in patient order: FROM,TO"), Flag.optional),
  box: Flag.String("box").pipe(Flag.withDescription("Box in patient mm (LPS): X,Y,Z,X,Y,Z"), Flag.optional),
  segment: Flag.String("segment").pipe(Flag.withDescription("Segment of a stored SEG: UID:NUMBER"), Flag.optional),
}

export const query = Command.make(
  "query",
  {
    StudyInstanceUID: Argument.String("study").pipe(Argument.withSchema(StudyInstanceUID)),
    SeriesInstanceUID: Argument.String("series").pipe(Argument.withSchema(SeriesInstanceUID)),
    ...region,
    k: Flag.Int("k").pipe(Flag.withDescription("Hits wanted"), Flag.withDefault(10)),
    modality: Flag.String("modality").pipe(Flag.withDescription("Only series of this modality"), Flag.optional),
    samePatient: Flag.Boolean("same-patient").pipe(
      Flag.withDescription("Let the same patient's other series answer too"),
      Flag.withDefault(false),
    ),
    url,
    json,
    ...signIn,
  },
  Effect.fnUntraced(function* (options) {
    const { StudyInstanceUID, SeriesInstanceUID, k, url, json, samePatient } = options
    const region = yield* parseRegion(options)
    const client = yield* apiClient(url, signInHeaders(options))
    const answer = yield* explain(url)(
      client.regions.search({
        payload: {
          StudyInstanceUID,
          SeriesInstanceUID,
          k,
          ...(region === undefined ? {} : { region }),
          filter: {
            excludeSamePatient: !samePatient,
            ...(Option.isSome(options.modality) ? { Modality: options.modality.value } : {}),
          },
        },
      }),
    )
    const { coverage, timings } = answer
    yield* Console.log(
      json
        ? JSON.stringify(answer, null, 2)
        : [
            ...answer.hits.map(hitLine),
            `${coverage.seriesSearched} series searched, ${coverage.seriesNotSearchable.length} not searchable; ${(timings["total"] ?? 0).toFixed(0)} ms`,
          ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Find sub-volumes of other studies that look like a region of a series"))
