// The six search resources of a live server: statuses, warnings, media types, links (PS3.18 §10.6, §8.3.4).
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { dicomwebServer, get, partsOf, realFile, storeFiles } from "./dicomweb-server.fixture.ts"

type Found = ReadonlyArray<Record<string, { readonly vr: string; readonly Value?: ReadonlyArray<unknown> }>>
const json = async (response: Response) => (await response.json()) as Found

describe("search requests", () => {
  it.live("answer studies, series and instances at every address", () =>
    Effect.gen(function* () {
      const base = yield* dicomwebServer
      yield* Effect.promise(async () => {
        const volume = ["001", "002", "003"].map((n) => realFile(`volume/brain_${n}.dcm`))
        const [link = ""] = await storeFiles(base, volume)
        const [study = "", series = ""] = [link.split("/series/")[0], link.split("/instances/")[0]]
        const counts = [
          [`${base}/studies`, 1, study],
          [`${base}/series`, 1, series],
          [`${base}/instances`, 3, link],
          [`${study}/series`, 1, series],
          [`${study}/instances`, 3, link],
          [`${series}/instances`, 3, link],
        ] as const
        for (const [url, count, retrieve] of counts) {
          const response = await get(url)
          assert.strictEqual(response.status, 200, url)
          assert.strictEqual(response.headers.get("content-type"), "application/dicom+json", url)
          assert.isNull(response.headers.get("warning"))
          const found = await json(response)
          assert.lengthOf(found, count, url)
          assert.deepStrictEqual(found[0]?.["00081190"], { vr: "UR", Value: [retrieve] })
          assert.deepStrictEqual(found[0]?.["00080005"], { vr: "CS", Value: ["ISO_IR 192"] })
          assert.deepStrictEqual(Object.keys(found[0] ?? {}), Object.keys(found[0] ?? {}).toSorted())
        }
        const [one] = await json(await get(`${base}/studies`))
        assert.deepStrictEqual(one?.["00201208"], { vr: "IS", Value: [3] })

        const xml = await get(`${base}/instances`, 'multipart/related; type="application/dicom+xml"')
        assert.match(
          xml.headers.get("content-type") ?? "",
          /^multipart\/related; type="application\/dicom\+xml"; boundary=/,
        )
        const parts = await partsOf(xml)
        assert.lengthOf(parts, 3)
        assert.include(parts[0]!.bytes.toString(), 'keyword="SOPInstanceUID"')
        assert.strictEqual((await get(`${base}/studies`, "image/png")).status, 406)
        assert.strictEqual((await get(`${base}/studies?accept=application/dicom%2Bjson`, "image/png")).status, 200)

        for (const empty of [
          "/studies?PatientID=nobody",
          "/studies?offset=1",
          "/studies/1.2.3/series",
          "/studies?limit=0",
        ]) {
          const response = await get(`${base}${empty}`)
          assert.strictEqual(response.status, 204, empty)
          assert.strictEqual(await response.text(), "")
        }
        const page = await get(`${base}/instances?limit=1&offset=1`)
        assert.lengthOf(await json(page), 1)
        assert.strictEqual(
          page.headers.get("warning"),
          `299 ${base}: There are 1 additional results that can be requested`,
        )
        const fuzzy = await get(`${base}/studies?fuzzymatching=true`)
        assert.strictEqual(
          fuzzy.headers.get("warning"),
          `299 ${base}: The fuzzymatching parameter is not supported. Only literal matching has been performed.`,
        )
        assert.isNull((await get(`${base}/studies?fuzzymatching=false`)).headers.get("warning"))
        const bad = await get(`${base}/studies?StudyDate=soon`)
        assert.strictEqual(bad.status, 400)
        assert.deepStrictEqual(await bad.json(), { error: "bad value of the query parameter StudyDate" })
      })
    }).pipe(Effect.scoped),
  )
})
