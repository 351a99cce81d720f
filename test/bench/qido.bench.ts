// QIDO-RS over a million instances: what each form of search takes, for a caller who sees all and for one who sees half.
import { Effect } from "effect"
import { documentBody, documentForm } from "../../src/dicom/document-form.ts"
import { parametersOf } from "../../src/dicomweb/parameters.ts"
import { parseQuery } from "../../src/dicomweb/query.ts"
import { project } from "../../src/dicomweb/return-fields.ts"
import { type Caller, CurrentCaller, internal } from "../../src/domain/caller.ts"
import { StudyInstanceUID } from "../../src/domain/uid.ts"
import { Ledger, type Search } from "../../src/ledger/Ledger.ts"
import * as SqliteLedger from "../../src/ledger/sqlite-ledger.ts"
import { temporaryFolder } from "../support/gateway.ts"
import {
  instancesOfSeries,
  makeQidoArchive,
  patientId,
  seriesOfStudy,
  studies,
  studyDate,
  studyUid,
} from "./qido-archive.ts"
import { percentile } from "../../src/benchmark/statistics.ts"
import type { Table } from "./report.ts"

const form = documentForm(undefined, "many")!
const north: Caller = { ...internal, name: "north", origins: new Set(["north"]), origin: "north" }

interface Form {
  readonly name: string
  readonly level: Search["level"]
  /** Another one each time, so that no answer is remembered. */
  readonly query: (turn: number) => string
  readonly scope?: (turn: number) => Partial<Search>
  readonly times?: number
}

const inStudy = (turn: number) => ({ StudyInstanceUID: StudyInstanceUID.make(studyUid((turn * 2 + 1) % studies)) })
const day = (turn: number) => studyDate((turn * 37) % studies)

const forms: ReadonlyArray<Form> = [
  { name: "/studies, first 25", level: "study", query: () => "limit=25" },
  { name: "/studies, page 100", level: "study", query: () => `limit=25&offset=${studies / 2 - 25}` },
  { name: "/studies?PatientID", level: "study", query: (turn) => `PatientID=${patientId(turn * 2 + 1)}` },
  {
    name: "/studies?AccessionNumber",
    level: "study",
    query: (turn) => `AccessionNumber=ACC${String(turn * 2 + 1).padStart(7, "0")}`,
  },
  {
    name: "/studies?PatientName=gar*",
    level: "study",
    query: (turn) => `PatientName=${["gar", "MÜLL", "li^", "Oka"][turn % 4]}*&limit=25`,
  },
  {
    name: "/studies?PatientName=*x*",
    level: "study",
    query: (turn) => `PatientName=*${["cia", "ller", "owal", "z^d"][turn % 4]}*&limit=25`,
  },
  { name: "/studies?StudyDate=day", level: "study", query: (turn) => `StudyDate=${day(turn)}` },
  {
    name: "/studies?StudyDate=range, ModalitiesInStudy",
    level: "study",
    query: (turn) => `StudyDate=${day(turn)}-&ModalitiesInStudy=MR&limit=25`,
  },
  { name: "/studies?StudyDescription=*x*", level: "study", query: () => "StudyDescription=*dom*&limit=25" },
  {
    name: "/studies?StudyInstanceUID=100 of them",
    level: "study",
    query: (turn) =>
      `StudyInstanceUID=${Array.from({ length: 100 }, (_, n) => studyUid((turn + n * 31) % studies)).join(",")}`,
  },
  { name: "/studies/{uid}/series", level: "series", query: () => "", scope: inStudy },
  { name: "/series?Modality", level: "series", query: (turn) => `Modality=${["MR", "PT"][turn % 2]}&limit=25` },
  {
    name: "/series?ScheduledProcedureStepID",
    level: "series",
    query: (turn) => `RequestAttributesSequence.ScheduledProcedureStepID=SPS${turn * 2 + 1}`,
  },
  { name: "/studies/{uid}/instances", level: "instance", query: () => "", scope: inStudy },
  {
    name: "/instances?SOPInstanceUID",
    level: "instance",
    query: (turn) => `SOPInstanceUID=${studyUid(turn * 2 + 1)}.0.7`,
  },
  {
    name: "/instances?PatientID",
    level: "instance",
    query: (turn) => `PatientID=${patientId(turn * 2 + 1)}&limit=100`,
  },
  { name: "/instances?Modality, offset 100,000", level: "instance", query: () => "Modality=CT&limit=25&offset=100000" },
  { name: "/instances, first 25", level: "instance", query: () => "limit=25" },
  {
    name: "/instances?SOPClassUID&InstanceNumber",
    level: "instance",
    query: (turn) => `SOPClassUID=1.2.840.10008.5.1.4.1.1.128&InstanceNumber=${1 + (turn % 50)}&limit=25`,
    times: 20,
  },
  {
    name: "/instances?Rows (no index), everything",
    level: "instance",
    query: (turn) => `Rows=${1000 + turn}&limit=25`,
    times: 1,
  },
  {
    name: "/instances?Rows (no index), one month",
    level: "instance",
    query: (turn) => `Rows=${1000 + turn}&StudyDate=20150101-20150131`,
    times: 10,
  },
]

const ask = ({ level, query, scope = () => ({}) }: Form, turn: number) =>
  Effect.gen(function* () {
    const where = scope(turn)
    const given = parametersOf(`/?${query(turn)}`)
    const fixed = { study: "StudyInstanceUID" in where, series: false }
    const parsed =
      typeof given === "string" ? given : parseQuery(given, level, fixed, { defaultLimit: 1000, maxLimit: 5000 })
    if (typeof parsed === "string") return yield* Effect.die(parsed)
    const { match, limit, offset, fields } = parsed
    const page = yield* (yield* Ledger).search({ ...where, level, match, limit, offset })
    return documentBody(
      form,
      page.matches.map((attributes) => project(attributes, fields)),
    ).length
  }).pipe(
    Effect.as("ok"),
    Effect.catchTag("SearchTooBroad", () => Effect.succeed("413")),
  )

const measured = (one: Form, caller: Caller) =>
  Effect.gen(function* () {
    const times = one.times ?? 30
    const walls: Array<number> = []
    let result = ""
    for (let turn = times === 1 ? 0 : -2; turn < times; turn++) {
      const start = performance.now()
      result = yield* ask(one, turn + 2)
      // The first two warm up.
      if (turn >= 0) walls.push(performance.now() - start)
    }
    const note = result === "ok" ? "" : ` (${result})`
    return [percentile(walls, 0.5), percentile(walls, 0.95)].map((ms) => `${ms.toFixed(ms < 10 ? 2 : 0)}${note}`)
  }).pipe(Effect.provideService(CurrentCaller, caller))

export const qidoBench = Effect.gen(function* () {
  const dir = yield* temporaryFolder
  makeQidoArchive(dir)
  const rows = yield* Effect.forEach(forms, (one) =>
    Effect.map(Effect.all([measured(one, internal), measured(one, north)]), ([everything = [], half = []]) => [
      one.name,
      ...everything,
      ...half,
    ]),
  ).pipe(Effect.provide(SqliteLedger.layer({ dir })))
  return {
    title: "QIDO-RS",
    note: `${studies} studies × ${seriesOfStudy} series × ${instancesOfSeries} instances, headers of 30 attributes; parsing the query, searching the ledger, choosing attributes and JSON, without HTTP. Every search counts its remaining matches. “Half”: a caller who may see the studies of one origin only. 413: given up after ten seconds.`,
    head: ["search", "all, p50 ms", "all, p95 ms", "half, p50 ms", "half, p95 ms"],
    rows,
  } satisfies Table
}).pipe(Effect.scoped)
