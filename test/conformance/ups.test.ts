// UPS-RS (PS3.18 §11; states and attributes after PS3.4 Annex CC) on one gateway, over HTTP and a WebSocket.
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { type Check, checks, type DicomJson, json, Live, perform, values } from "./checks.fixture.ts"
import { live } from "./gateway.fixture.ts"

const dicomJson = "application/dicom+json"
const sent = { "content-type": dicomJson, accept: dicomJson }
const uid = (n: number) => `1.2.3.7.${n}`
const transaction = "1.2.3.8.1"
type Attributes = Record<string, { readonly vr: string; readonly Value?: ReadonlyArray<unknown> }>

/** What a client must say of a new work item (PS3.4 Table CC.2.5-3). */
const workitem = (label: string, more: Attributes = {}): Attributes => ({
  "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
  "00081195": { vr: "UI" },
  "00100010": { vr: "PN", Value: [{ Alphabetic: "Work^Item" }] },
  "00100020": { vr: "LO", Value: ["W-1"] },
  "00100030": { vr: "DA" },
  "00100040": { vr: "CS" },
  "00380010": { vr: "LO" },
  "00404005": { vr: "DT", Value: ["20240301120000"] },
  "00404018": { vr: "SQ" },
  "00404021": { vr: "SQ" },
  "00404025": { vr: "SQ" },
  "00404026": { vr: "SQ" },
  "00404027": { vr: "SQ" },
  "00404034": { vr: "SQ" },
  "00404041": { vr: "CS", Value: ["READY"] },
  "0040A370": { vr: "SQ" },
  "00741000": { vr: "CS", Value: ["SCHEDULED"] },
  "00741002": { vr: "SQ" },
  "00741200": { vr: "CS", Value: ["MEDIUM"] },
  "00741202": { vr: "LO", Value: ["Reading"] },
  "00741204": { vr: "LO", Value: [label] },
  "00741216": { vr: "SQ" },
  ...more,
})
const code = (value: string) => ({
  "00080100": { vr: "SH", Value: [value] },
  "00080102": { vr: "SH", Value: ["99TEST"] },
  "00080104": { vr: "LO", Value: [value] },
})
/** What has to be known before a step may be complete (PS3.4 Table CC.2.5-3, final state). */
const performed: Attributes = {
  "00081195": { vr: "UI", Value: [transaction] },
  "00741216": {
    vr: "SQ",
    Value: [
      {
        "00404028": { vr: "SQ", Value: [code("STATION")] },
        "00404019": { vr: "SQ", Value: [code("DONE")] },
        "00404050": { vr: "DT", Value: ["20240301120100"] },
        "00404051": { vr: "DT", Value: ["20240301120200"] },
        "00404033": { vr: "SQ", Value: [] },
      },
    ],
  },
}
const post = (
  name: string,
  path: string,
  body: unknown,
  status: Check["status"],
  more: Partial<Check> = {},
): Check => ({
  name,
  method: "POST",
  path,
  headers: sent,
  body: JSON.stringify(body),
  status,
  ...more,
})
const change = (
  name: string,
  item: number,
  state: string,
  TransactionUID: string | undefined,
  status: Check["status"],
  more: Partial<Check> = {},
): Check => ({
  name,
  method: "PUT",
  path: `/workitems/${uid(item)}/state`,
  headers: sent,
  body: JSON.stringify([
    {
      ...(TransactionUID === undefined ? {} : { "00081195": { vr: "UI", Value: [TransactionUID] } }),
      "00741000": { vr: "CS", Value: [state] },
    },
  ]),
  status,
  ...more,
})
const stateIs = (item: number, state: string): Check => ({
  name: `§11.5 item ${item} is ${state}`,
  path: `/workitems/${uid(item)}`,
  headers: { accept: dicomJson },
  status: 200,
  type: dicomJson,
  shows: (answer) => {
    const [attributes] = [json<ReadonlyArray<DicomJson> | DicomJson>(answer)].flat() as ReadonlyArray<DicomJson>
    assert.deepEqual(attributes?.["00741000"]?.Value, [state])
    assert.isUndefined(attributes?.["00081195"]?.Value, "the Transaction UID is nobody else's business (§11.5.1)")
  },
})
const list = (name: string, query: string, ...items: ReadonlyArray<number>): Check => ({
  name,
  path: `/workitems?${query}`,
  headers: { accept: dicomJson },
  ...(items.length === 0
    ? { status: 204 }
    : {
        status: 200,
        type: dicomJson,
        shows: (answer) => assert.sameMembers([...values(answer, "00080018")], items.map(uid)),
      }),
})

const steps: ReadonlyArray<Check> = [
  post("§11.4 create with its UID in the query", `/workitems?${uid(1)}`, [workitem("first")], 201, {
    has: { location: new RegExp(`/workitems/${uid(1).replaceAll(".", "\\.")}$`) },
  }),
  post("§11.4 create from one object instead of an array", `/workitems?${uid(2)}`, workitem("second"), 201),
  post("§11.4 create without a UID: the gateway gives one", "/workitems", [workitem("third")], 201, {
    has: { location: /\/workitems\/[0-9.]+$/ },
  }),
  post("§11.4.3 the same UID again", `/workitems?${uid(1)}`, [workitem("again")], 409),
  post("§11.4 a malformed UID", "/workitems?1.2.x", [workitem("bad")], 400),
  post(
    "§11.4.3 a state other than SCHEDULED",
    `/workitems?${uid(9)}`,
    [workitem("bad", { "00741000": { vr: "CS", Value: ["IN PROGRESS"] } })],
    [400, 409],
  ),
  post(
    "PS3.4 Table CC.2.5-3 without a label",
    `/workitems?${uid(9)}`,
    [workitem("x", { "00741204": { vr: "LO" } })],
    400,
  ),
  post(
    "PS3.4 Table CC.2.5-3 with a Transaction UID",
    `/workitems?${uid(9)}`,
    [workitem("x", { "00081195": { vr: "UI", Value: ["1.2.3"] } })],
    400,
  ),
  { ...post("§11.4 JSON that is none", `/workitems?${uid(9)}`, [], 400), body: "[{" },
  { ...post("§11.4 another media type", `/workitems?${uid(9)}`, [], 415), headers: { "content-type": "text/plain" } },
  stateIs(1, "SCHEDULED"),
  { name: "§11.5 an unknown item", path: "/workitems/1.2.3.999", status: 404 },
  { name: "§11.5 a malformed UID", path: "/workitems/1.2.x", status: 400 },
  {
    name: "§11.5 as XML",
    path: `/workitems/${uid(1)}`,
    headers: { accept: "application/dicom+xml" },
    status: 200,
    type: /application\/dicom\+xml/,
  },
  { name: "§8.7.5 nothing acceptable", path: `/workitems/${uid(1)}`, headers: { accept: "image/png" }, status: 406 },
  list("§11.9 search by label", "ProcedureStepLabel=first", 1),
  list("§11.9 search by label and state", "ProcedureStepLabel=second&ProcedureStepState=SCHEDULED", 2),
  list("§11.9 search by patient with wildcards", "PatientName=Work*&ProcedureStepLabel=first", 1),
  list("§11.9 search by tag", "00741204=second", 2),
  list(
    "§11.9 by a range of start times",
    "ScheduledProcedureStepStartDateTime=20240301-20240302&ProcedureStepLabel=first",
    1,
  ),
  list("§11.9 no match", "ProcedureStepLabel=nothing"),
  {
    name: "§11.9 a bad parameter is named",
    path: "/workitems?limit=-1",
    status: 400,
    shows: ({ text }) => assert.include(text, "limit"),
  },
  post(
    "§11.6 update of a scheduled item needs no transaction",
    `/workitems/${uid(1)}`,
    [{ "00741204": { vr: "LO", Value: ["renamed"] } }],
    200,
  ),
  list("§11.6 and is seen", "ProcedureStepLabel=renamed", 1),
  post("§11.6 update of an unknown item", "/workitems/1.2.3.999", [{ "00741204": { vr: "LO", Value: ["x"] } }], 404),
  post(
    "§11.6 the state is not updated so",
    `/workitems/${uid(1)}`,
    [{ "00741000": { vr: "CS", Value: ["COMPLETED"] } }],
    [400, 409],
  ),
  change("§11.7 claim without a Transaction UID", 1, "IN PROGRESS", undefined, 400),
  change("§11.7 SCHEDULED is not completed at once", 1, "COMPLETED", transaction, 409),
  change("§11.7 a state that is none", 1, "DONE", transaction, 400),
  change("§11.7 claim", 1, "IN PROGRESS", transaction, 200),
  stateIs(1, "IN PROGRESS"),
  change("§11.7 claimed again", 1, "IN PROGRESS", "1.2.3.8.9", 409),
  change("§11.7 back to SCHEDULED", 1, "SCHEDULED", transaction, [400, 409]),
  change("§11.7 completed by who has not claimed it", 1, "COMPLETED", "1.2.3.8.9", [400, 409]),
  change("§11.7 completed before anything is known to be performed", 1, "COMPLETED", transaction, 409),
  post(
    "§11.6 update in progress without the transaction",
    `/workitems/${uid(1)}`,
    [{ "00741204": { vr: "LO", Value: ["x"] } }],
    [400, 409],
  ),
  post("§11.6 update in progress with it", `/workitems/${uid(1)}?transaction=${transaction}`, [performed], 200),
  change("§11.7 complete", 1, "COMPLETED", transaction, 200),
  stateIs(1, "COMPLETED"),
  change("§11.7 complete once more", 1, "COMPLETED", transaction, [200, 409, 410]),
  change("§11.7 of an unknown item", 999, "IN PROGRESS", transaction, 404),
  post("§11.8 cancel what is complete", `/workitems/${uid(1)}/cancelrequest`, [{}], 409),
  post(
    "§11.8 cancel what nobody has claimed",
    `/workitems/${uid(2)}/cancelrequest`,
    [{ "00741238": { vr: "LT", Value: ["not needed"] } }],
    202,
  ),
  stateIs(2, "CANCELED"),
  post("§11.8 of an unknown item", "/workitems/1.2.3.999/cancelrequest", [{}], 404),
  {
    name: "§11.10 subscribe to an item",
    method: "POST",
    path: `/workitems/${uid(1)}/subscribers/VIEWER`,
    headers: { accept: dicomJson },
    status: 201,
    has: { "content-location": /^wss?:\/\// },
  },
  {
    name: "§11.10 subscribe to all",
    method: "POST",
    path: "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/VIEWER",
    headers: { accept: dicomJson },
    status: 201,
  },
  {
    name: "§11.10 subscribe to an unknown item",
    method: "POST",
    path: "/workitems/1.2.3.999/subscribers/VIEWER",
    status: 404,
  },
  { name: "§11.11 unsubscribe", method: "DELETE", path: `/workitems/${uid(1)}/subscribers/VIEWER`, status: 200 },
  {
    name: "§11.12 suspend the subscription to all",
    method: "POST",
    path: "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/VIEWER/suspend",
    status: 200,
  },
]

layer(live([]), { timeout: 60_000, excludeTestServices: true })("UPS-RS", (it) => {
  checks(it, steps)

  it.effect("§11.13 a new item and its claim are told on the subscriber's WebSocket", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      yield* perform({
        name: "",
        method: "POST",
        path: "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/SOCKET",
        status: 201,
      })
      const reports: Array<DicomJson> = []
      const about = (n: number) =>
        reports.filter((report) => report["00001000"]?.Value?.[0] === uid(n) || JSON.stringify(report).includes(uid(n)))
      const socket = yield* Effect.acquireRelease(
        Effect.callback<WebSocket, Error>((resume) => {
          const socket = new WebSocket(`${url.replace("http", "ws")}/dicomweb/subscribers/SOCKET`)
          socket.addEventListener(
            "message",
            ({ data }) => void reports.push(...([JSON.parse(String(data)) as DicomJson].flat() as Array<DicomJson>)),
          )
          socket.addEventListener("open", () => resume(Effect.succeed(socket)))
          socket.addEventListener("error", () => resume(Effect.fail(new Error("the socket did not open"))))
        }),
        (socket) => Effect.sync(() => socket.close()),
      )
      assert.strictEqual(socket.readyState, WebSocket.OPEN)
      yield* perform(post("", `/workitems?${uid(50)}`, [workitem("told")], 201))
      yield* perform(change("", 50, "IN PROGRESS", transaction, 200))
      yield* Effect.suspend(() => Effect.succeed(about(50))).pipe(
        Effect.filterOrFail((told) => told.some((report) => report["00741000"]?.Value?.[0] === "IN PROGRESS")),
        Effect.retry({ times: 100, schedule: Schedule.spaced("100 millis") }),
      )
      assert.isTrue(about(50).every((report) => report["00081195"]?.Value === undefined))
    }).pipe(Effect.scoped),
  )

  it.effect("PS3.4 §CC.1.1 of ten who claim at once one wins", () =>
    Effect.gen(function* () {
      yield* perform(post("", `/workitems?${uid(60)}`, [workitem("contended")], 201))
      const statuses = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, i) => `1.2.3.8.${100 + i}`),
        (own) => Effect.map(perform(change("", 60, "IN PROGRESS", own, [200, 409])), ({ status }) => status),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(statuses.filter((status) => status === 200).length, 1)
    }),
  )
})
