// The npm dicomweb-client through every method it has, signed in, with progress callbacks.
import { createHash, randomBytes } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import {
  archive,
  colourFrame,
  compressed,
  ct,
  document,
  frame16,
  icon,
  loop,
  pdf,
} from "../conformance/archive.fixture.ts"
import { Live } from "../conformance/checks.fixture.ts"
import { live } from "../conformance/gateway.fixture.ts"
import { newCt, type Place, ramp } from "../conformance/part10-files.fixture.ts"
import { dicomwebClient, type DicomwebClient } from "./dicomweb-client.fixture.ts"

const key = randomBytes(32).toString("base64url")
const access = {
  GATEWAY_ACCESS_KEYS: JSON.stringify([
    {
      name: "viewer",
      sha256: createHash("sha256").update(key).digest("hex"),
      actions: ["read", "store"],
      origins: "all",
    },
  ]),
}
const named = (at: Place) => ({
  studyInstanceUID: at.StudyInstanceUID,
  seriesInstanceUID: at.SeriesInstanceUID,
  sopInstanceUID: at.SOPInstanceUID,
})
const one = ct[0]!
const [rle, jls] = [compressed[0]!, compressed[1]!]
const datasetOf = (bytes: Uint8Array) => Uint8Array.from(bytes).buffer
const isJpeg = (bytes: ArrayBuffer) => assert.strictEqual(Buffer.from(bytes).readUInt16BE(0), 0xffd8)
const isPng = (bytes: ArrayBuffer) => assert.strictEqual(Buffer.from(bytes).toString("latin1", 1, 4), "PNG")
const same = (got: ArrayBuffer, wanted: Uint8Array) => assert.isTrue(Buffer.from(got).equals(wanted))

layer(live(archive, access, { authorization: `Bearer ${key}` }), { timeout: 60_000, excludeTestServices: true })(
  "dicomweb-client",
  (it) => {
    const calls = (
      name: string,
      use: (client: DicomwebClient, url: string) => Promise<unknown>,
      options: object = {},
    ) =>
      it.effect(name, () =>
        Effect.gen(function* () {
          const { url } = yield* Live
          const client = dicomwebClient({
            url: `${url}/dicomweb`,
            headers: { Authorization: `Bearer ${key}` },
            ...options,
          })
          yield* Effect.promise(() => use(client, url))
        }),
      )

    calls("storeInstances, with progress, to a study and again", async (client) => {
      const fresh = newCt()
      const datasets = [datasetOf(fresh.bytes)]
      await client.storeInstances({
        datasets,
        studyInstanceUID: fresh.StudyInstanceUID,
        request: { progressCallback: () => {} },
      })
      await client.storeInstances({ datasets })
      const found = await client.searchForInstances({ queryParams: { SOPInstanceUID: fresh.SOPInstanceUID } })
      assert.lengthOf(found, 1)
    })
    calls("storeInstances with one that is none resolves, since 202 does", async (client) => {
      await client.storeInstances({ datasets: [datasetOf(newCt().bytes), datasetOf(Buffer.from("no DICOM"))] })
    })
    calls("searchForStudies", async (client) => {
      const found = await client.searchForStudies({
        queryParams: {
          PatientName: "*Doe*",
          limit: 10,
          offset: 0,
          includefield: "00081030,00080060",
          fuzzymatching: false,
        },
      })
      assert.lengthOf(found, 2)
      assert.deepEqual(await client.searchForStudies({ queryParams: { PatientID: "NOBODY" } }), [])
    })
    calls("searchForSeries, of a study and of all", async (client) => {
      assert.lengthOf(await client.searchForSeries({ studyInstanceUID: one.StudyInstanceUID }), 2)
      assert.lengthOf(await client.searchForSeries({ queryParams: { Modality: "MR" } }), 1)
    })
    calls("searchForInstances, of a series, of a study and of all", async (client) => {
      assert.lengthOf(
        await client.searchForInstances({
          studyInstanceUID: one.StudyInstanceUID,
          seriesInstanceUID: one.SeriesInstanceUID,
        }),
        3,
      )
      assert.lengthOf(await client.searchForInstances({ studyInstanceUID: one.StudyInstanceUID }), 4)
      assert.lengthOf(await client.searchForInstances({ queryParams: { Modality: "MR" } }), 2)
    })
    calls("retrieveStudyMetadata, …Series…, …Instance…", async (client) => {
      assert.lengthOf(await client.retrieveStudyMetadata(named(one)), 4)
      assert.lengthOf(await client.retrieveSeriesMetadata(named(one)), 3)
      const [attributes] = await client.retrieveInstanceMetadata(named(one))
      assert.deepEqual(attributes?.["00080018"]?.Value, [one.SOPInstanceUID])
    })
    calls("retrieveStudy and retrieveSeries, with progress", async (client) => {
      let told = 0
      const study = await client.retrieveStudy({ ...named(one), request: { progressCallback: () => void told++ } })
      assert.lengthOf(study, 4)
      assert.isAbove(told, 0)
      const series = await client.retrieveSeries(named(one))
      assert.lengthOf(series, 3)
      assert.strictEqual(series[0]?.contentType, "application/dicom")
      assert.isTrue(ct.every(({ bytes }) => series.some((part) => Buffer.from(part).equals(bytes))))
    })
    calls("retrieveInstance", async (client) => same(await client.retrieveInstance(named(one)), one.bytes))
    calls("retrieveInstanceFrames of a native image", async (client) => {
      const frames = await client.retrieveInstanceFrames({ ...named(loop), frameNumbers: [3, 1] })
      assert.lengthOf(frames, 2)
      same(frames[0]!, colourFrame(2))
      same(frames[1]!, colourFrame(0))
      assert.isNull(frames[0]?.transferSyntaxUID)
    })
    calls("retrieveInstanceFrames of a compressed one, decoded", async (client) => {
      const [frame] = await client.retrieveInstanceFrames({ ...named(rle), frameNumbers: [2] })
      same(frame!, frame16(1))
    })
    calls("retrieveInstanceFrames as stored, by image type", async (client) => {
      const [frame] = await client.retrieveInstanceFrames({
        ...named(jls),
        frameNumbers: [1],
        mediaTypes: [{ mediaType: "image/jls", transferSyntaxUID: jls.TransferSyntaxUID }],
      })
      assert.strictEqual(frame?.transferSyntaxUID, jls.TransferSyntaxUID)
      same(frame!.slice(0, jls.fragments[0]!.length), jls.fragments[0]!)
    })
    calls("retrieveInstanceFrames as octets or images, whatever is there", async (client) => {
      const mediaTypes = [
        { mediaType: "image/x-jls", transferSyntaxUID: "1.2.840.10008.1.2.4.80" },
        { mediaType: "image/jp2" },
        { mediaType: "image/x-dicom-rle" },
        { mediaType: "application/octet-stream", transferSyntaxUID: "1.2.840.10008.1.2.1" },
      ]
      for (const at of [jls, rle, one]) {
        const [frame] = await client.retrieveInstanceFrames({ ...named(at), frameNumbers: [1], mediaTypes })
        assert.isAbove(frame!.byteLength, 0)
      }
      const [raw] = await client.retrieveInstanceFrames({ ...named(one), frameNumbers: [1], mediaTypes })
      same(raw!, ramp(256, -99))
    })
    calls("retrieveInstanceFrames as cornerstone has it configured", async (client) => {
      const [frame] = await client.retrieveInstanceFrames({
        ...named(rle),
        frameNumbers: [1],
        mediaTypes: [{ mediaType: "application/octet-stream", transferSyntaxUID: "*" }],
      })
      assert.strictEqual(frame?.transferSyntaxUID, rle.TransferSyntaxUID)
    })
    calls("retrieveInstanceRendered, plain, as PNG, and with parameters", async (client) => {
      isJpeg((await client.retrieveInstanceRendered(named(one)))[0]!)
      isPng((await client.retrieveInstanceRendered({ ...named(one), mediaTypes: [{ mediaType: "image/png" }] }))[0]!)
      isJpeg(
        (
          await client.retrieveInstanceRendered({
            ...named(one),
            queryParams: { viewport: "32,32", window: "40,400,linear", quality: 80 },
          })
        )[0]!,
      )
      isPng(
        (
          await client.retrieveInstanceRendered({
            ...named(one),
            mediaTypes: [{ mediaType: "image/png" }],
            queryParams: { viewport: "32,32" },
          })
        )[0]!,
      )
    })
    calls("retrieveInstanceThumbnail", async (client) => {
      isJpeg((await client.retrieveInstanceThumbnail(named(one)))[0]!)
      isPng((await client.retrieveInstanceThumbnail({ ...named(one), mediaTypes: [{ mediaType: "image/png" }] }))[0]!)
    })
    calls("retrieveInstanceFramesRendered and …Thumbnail", async (client) => {
      const frame = { ...named(loop), frameNumbers: [2] }
      isPng((await client.retrieveInstanceFramesRendered({ ...frame, mediaTypes: [{ mediaType: "image/png" }] }))[0]!)
      isJpeg((await client.retrieveInstanceFramesRendered({ ...frame, queryParams: { viewport: "32,32" } }))[0]!)
      isJpeg((await client.retrieveInstanceFramesThumbnail(frame))[0]!)
    })
    calls("retrieveBulkData by the links of metadata", async (client) => {
      const [image] = await client.retrieveInstanceMetadata(named(one))
      const [nested] = (image?.["00880200"]?.Value ?? []) as ReadonlyArray<NonNullable<typeof image>>
      same((await client.retrieveBulkData({ BulkDataURI: nested?.["7FE00010"]?.BulkDataURI }))[0]!, icon)
      const [paper] = await client.retrieveInstanceMetadata(named(document))
      const link = paper?.["00420011"]?.BulkDataURI
      same(
        (
          await client.retrieveBulkData({ BulkDataURI: link, mediaTypes: [{ mediaType: "application/octet-stream" }] })
        )[0]!.slice(0, pdf.length),
        pdf,
      )
      // A range and a multipart answer: the range may be passed over, a part of it may be sent.
      const [begun] = await client.retrieveBulkData({ BulkDataURI: link, byteRange: [0, 9] })
      same(begun!.slice(0, 10), pdf.subarray(0, 10))
    })
    calls(
      "retrieveBulkData without multipart",
      async (client) => {
        const [paper] = await client.retrieveInstanceMetadata(named(document))
        const link = paper?.["00420011"]?.BulkDataURI
        const [whole] = await client.retrieveBulkData({
          BulkDataURI: link,
          headers: { Accept: "application/octet-stream" },
        })
        same(whole!.slice(0, pdf.length), pdf)
        const [begun] = await client.retrieveBulkData({
          BulkDataURI: link,
          headers: { Accept: "application/octet-stream", Range: "bytes=1-4" },
        })
        same(begun!, pdf.subarray(1, 5))
      },
      { singlepart: true },
    )
    it.effect("is told 401 without its key, and of what is not there 404", () =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const status = (client: DicomwebClient, use: (client: DicomwebClient) => Promise<unknown>) =>
          Effect.promise(() =>
            use(client).then(
              () => 200,
              (error: { readonly status?: number }) => error.status,
            ),
          )
        const stranger = dicomwebClient({ url: `${url}/dicomweb` })
        assert.strictEqual(yield* status(stranger, (client) => client.searchForStudies()), 401)
        const viewer = dicomwebClient({ url: `${url}/dicomweb`, headers: { Authorization: `Bearer ${key}` } })
        assert.strictEqual(
          yield* status(viewer, (client) => client.retrieveStudyMetadata({ studyInstanceUID: "1.2.3.999" })),
          404,
        )
      }),
    )
  },
)
