// Bodies: multipart as it should not be, metadata stores in JSON and XML, region searches, work items.
import * as fc from "fast-check"
import { json, metadataStore, nearWorkitem, xml } from "./document-inputs.ts"
import { Wrong, type Live } from "./live.ts"
import { multipartInputs } from "./multipart-inputs.ts"
import type { Stored } from "./requests.target.ts"
import { storedAddresses } from "./store-answer.ts"
import { target } from "./target.ts"

/** What got in goes again, as what the next input brings would be its duplicate. */
const store = async (type: string, body: Uint8Array, live: Live) => {
  const { status, body: said } = await live.judged({
    method: "POST",
    path: "/dicomweb/studies",
    headers: { "content-type": type, accept: "application/dicom+json" },
    body,
  })
  if (status >= 300) return
  // An instance that came twice is named twice.
  for (const path of new Set(storedAddresses(said))) {
    const metadata = await live.judged({ path: `${path}/metadata` })
    if (metadata.status !== 200) throw new Wrong(`accepted, but its metadata answers ${metadata.status}`)
    await live.judged({ path, headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' } })
    await live.judged({ method: "DELETE", path })
  }
}

const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 1e308, 1e-308))
const corner = fc.array(number, { minLength: 2, maxLength: 4 })
const regionOf = fc.oneof(
  fc.record({ box: fc.record({ min: corner, max: corner }) }),
  fc.record({
    slices: fc.record({
      from: fc.oneof(number, fc.string({ maxLength: 8 })),
      to: fc.oneof(number, fc.constant("1.2.3")),
    }),
  }),
  fc.record({ segment: fc.record({ SOPInstanceUID: fc.constantFrom("1.2.3", "", ".."), SegmentNumber: number }) }),
  fc.jsonValue({ maxDepth: 2 }),
)

const side = fc.integer({ min: -500, max: 500 })
const point = fc.tuple(side, side, side)
const soundRegion = fc.oneof(
  fc.record({ box: fc.record({ min: point, max: point }) }),
  fc.record({ slices: fc.record({ from: fc.nat(5), to: fc.nat(5) }) }),
)
const soundFilter = fc.record(
  {
    Modality: fc.constantFrom("CT", "MR", "XX"),
    excludeSamePatient: fc.boolean(),
    StudyDate: fc.record({ from: fc.constantFrom("20240101", "2024", ""), to: fc.constant("20251231") }),
  },
  { requiredKeys: [] },
)

export const bodyTargets = ({ study, series }: Stored) => [
  target(
    "multipart",
    10,
    multipartInputs,
    ([type, sent], live) => store(type, sent, live),
    ([, sent]) => sent,
  ),
  target(
    "metadata-store",
    8,
    metadataStore,
    ({ type, text }, live) =>
      store(
        `multipart/related; type="${type}"; boundary=b`,
        Buffer.concat([
          Buffer.from(`--b\r\nContent-Type: ${type}\r\n\r\n${text}\r\n--b\r\n`),
          Buffer.from("Content-Type: application/octet-stream\r\nContent-Location: bulk/1\r\n\r\n"),
          Buffer.alloc(8192, 1),
          Buffer.from("\r\n--b--\r\n"),
        ]),
        live,
      ),
    ({ text }) => Buffer.from(text),
  ),
  target(
    "region",
    6,
    fc.oneof(
      fc
        .record(
          {
            StudyInstanceUID: fc.constant(study),
            SeriesInstanceUID: fc.constant(series),
            region: soundRegion,
            k: fc.integer({ min: 1, max: 10 }),
            filter: soundFilter,
          },
          { requiredKeys: ["StudyInstanceUID", "SeriesInstanceUID"] },
        )
        .map((one) => JSON.stringify(one)),
      fc
        .record(
          {
            StudyInstanceUID: fc.constantFrom(study, "1.2", ""),
            SeriesInstanceUID: fc.constantFrom(series, "1.2"),
            region: regionOf,
            k: fc.oneof(number, fc.constant("x")),
            filter: fc.jsonValue({ maxDepth: 2 }),
          },
          { requiredKeys: [] },
        )
        .map((one) => JSON.stringify(one)),
      json,
    ),
    async (sent, live: Live) => {
      await live.judged({
        method: "POST",
        path: "/api/regions/search",
        headers: { "content-type": "application/json" },
        body: sent,
      })
    },
    (sent) => Buffer.from(sent),
  ),
  target(
    "standing-region",
    2,
    fc.tuple(fc.stringMatching(/^[a-z0-9.%_-]{1,20}$/), json),
    async ([id, sent], live: Live) => {
      const answer = await live.judged({
        method: "PUT",
        path: `/api/standing-regions/${id}`,
        headers: { "content-type": "application/json" },
        body: sent,
      })
      if (answer.status < 300) await live.judged({ method: "DELETE", path: `/api/standing-regions/${id}` })
    },
  ),
  target(
    "workitem",
    4,
    fc.tuple(
      fc.constantFrom(
        "?workitem=1.2.3",
        "?1.2.3",
        "",
        "/1.2.3",
        "/1.2.3/state",
        "/1.2.3/cancelrequest/AE",
        "/..",
        "/1.2.3/subscribers/AE",
      ),
      fc.constantFrom("POST", "PUT", "DELETE"),
      fc.constantFrom("application/dicom+json", "application/json", "application/dicom+xml"),
      fc.oneof({ weight: 3, arbitrary: nearWorkitem }, json, xml),
    ),
    async ([where, method, type, sent], live: Live) => {
      await live.judged({ method, path: `/dicomweb/workitems${where}`, headers: { "content-type": type }, body: sent })
    },
    ([, , , sent]) => Buffer.from(sent),
  ),
]
