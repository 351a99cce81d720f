// A query volume that comes with the request: decoded and embedded like a stored one, and kept nowhere.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import { Decoder } from "../decode/Decoder.ts"
import { defaultHits, RegionSearch } from "../domain/region.ts"
import { Digest, type InstanceRef, Receipt } from "../domain/instance.ts"
import type { EmbeddedSlice } from "../domain/slice.ts"
import type { Embedder } from "../embed/Embedder.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { patientOf } from "../ledger/patient.ts"
import { defaultPartLimits, type Part, parts } from "../listener/parts.ts"
import { readInstance } from "../listener/read-instance.ts"
import { Models } from "../models/Models.ts"
import type { SearchOptions } from "../query/RegionQuery.ts"
import type { StackMatrix } from "../vector-index/VectorIndex.ts"
import { decodeFailure } from "./decode-failure.ts"
import { BadRequest, TooLarge, Unavailable, Unsupported } from "./errors.ts"

/** More slices than a long whole-body CT has. */
const maxSlices = 4096
const maxPartBytes = 1024 ** 3
const maxJsonBytes = 64 * 1024
const framesAtATime = 64

/** The first part of an upload: a search without the UIDs that name a stored series. */
const { StudyInstanceUID: _study, SeriesInstanceUID: _series, ...searchFields } = RegionSearch.fields
const UploadedSearch = Schema.Struct(searchFields)

const rootType = "application/json"

export const isUpload = (request: HttpServerRequest.HttpServerRequest) =>
  (request.headers["content-type"] ?? "").toLowerCase().startsWith("multipart/related")

const jsonOf = Effect.fnUntraced(function* (part: Part) {
  const chunks = yield* part.body.pipe(
    Stream.mapAccum(
      () => 0,
      (sum, chunk) => [sum + chunk.length, [{ chunk, sum: sum + chunk.length }]] as const,
    ),
    Stream.takeWhile(({ sum }) => sum <= maxJsonBytes),
    Stream.map(({ chunk }) => chunk),
    Stream.runCollect,
  )
  const text = Buffer.concat(chunks).toString("utf8")
  return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(UploadedSearch), { onExcessProperty: "error" })(
    text,
  ).pipe(Effect.mapError((error) => new BadRequest({ error: decodeFailure(error, "the first part") })))
})

/** All slices of one uploaded file; the file is gone when this ends. */
const slicesOf = Effect.fnUntraced(function* (part: Part, { embed, model }: Embedder["Service"]) {
  const decoder = yield* Decoder
  const draft = yield* (yield* Blobs).draft
  let bytes = 0
  yield* Stream.runForEach(
    part.body,
    Effect.fnUntraced(function* (chunk) {
      bytes += chunk.length
      if (bytes > maxPartBytes) return yield* new TooLarge({ error: `a part is longer than ${maxPartBytes} bytes` })
      yield* draft.write(chunk)
    }),
  )
  const path = yield* draft.asFile
  const read = yield* readInstance({ path }, undefined)
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = read
  const instance: InstanceRef = {
    StudyInstanceUID,
    SeriesInstanceUID,
    SOPInstanceUID,
    receipt: Receipt.make(0),
    digest: Digest.make("0".repeat(64)),
  }
  const slices: Array<EmbeddedSlice> = []
  for (let firstFrame = 1, last = 1; firstFrame <= last; firstFrame += framesAtATime) {
    const prepared = yield* decoder.prepare({
      path,
      firstFrame,
      maxFrames: framesAtATime,
      inputSize: model.inputSize,
    })
    if (prepared._tag === "NotEmbeddable")
      return yield* new BadRequest({ error: `a part cannot be searched: ${prepared.reason}` })
    last = prepared.NumberOfFrames
    if (last > maxSlices) return yield* tooMany
    const embeddings = yield* embed(prepared.slices)
    prepared.slices.forEach(({ FrameNumber, geometry }, i) => {
      const embedding = embeddings[i]
      if (embedding !== undefined) slices.push({ instance, FrameNumber, geometry, ...embedding })
    })
  }
  const own = { study: StudyInstanceUID, series: SeriesInstanceUID, patient: patientOf(read) }
  return { slices, own }
}, Effect.scoped)

const tooMany = new BadRequest({ error: `a query volume has at most ${maxSlices} slices` })

/** The slices of each series and stack in patient order, as the index would hold them. */
export const stacksOf = (slices: ReadonlyArray<EmbeddedSlice>, dimension: number): ReadonlyArray<StackMatrix> => {
  const groups = Map.groupBy(slices, ({ instance, geometry }) => `${instance.SeriesInstanceUID}/${geometry.stack}`)
  return [...groups.values()].map((members) => {
    const sorted = members.toSorted((a, b) => a.geometry.position - b.geometry.position)
    const { instance, geometry, locals } = sorted[0]!
    const vectors = new Float32Array(sorted.length * dimension)
    const grids = new Int8Array(sorted.length * locals.length)
    sorted.forEach((slice, row) => {
      vectors.set(slice.vector, row * dimension)
      grids.set(slice.locals, row * locals.length)
    })
    return {
      StudyInstanceUID: instance.StudyInstanceUID,
      SeriesInstanceUID: instance.SeriesInstanceUID,
      stack: geometry.stack,
      headers: sorted.map(({ instance, FrameNumber, geometry }) => ({ instance, FrameNumber, geometry })),
      vectors,
      locals: grids,
    }
  })
}

/** Reads the upload to its end, then searches as for a stored series. */
export const uploadedSearch = Effect.fnUntraced(
  function* (request: HttpServerRequest.HttpServerRequest) {
    // One model for the volume's slices and for those they are compared with, until the answer has gone.
    const { embedder, query } = yield* (yield* Models).serving
    const slices: Array<EmbeddedSlice> = []
    let search: typeof UploadedSearch.Type | undefined
    // An upload is one volume: its first part says whose.
    let own: Omit<SearchOptions, "k" | "filter"> | undefined
    yield* parts(request, { ...defaultPartLimits, maxParts: maxSlices + 1 }, rootType).pipe(
      Stream.runForEach(
        Effect.fnUntraced(function* (part) {
          if (search === undefined) {
            if (part.mediaType.type !== rootType)
              return yield* new BadRequest({ error: "the first part is the search as application/json" })
            search = yield* jsonOf(part)
            return
          }
          if (part.mediaType.type !== "application/dicom")
            return yield* new BadRequest({ error: "the parts behind the search are application/dicom" })
          const volume = yield* slicesOf(part, embedder)
          own ??= volume.own
          slices.push(...volume.slices)
          if (slices.length > maxSlices) return yield* tooMany
        }),
      ),
    )
    if (search === undefined || slices.length === 0)
      return yield* new BadRequest({ error: "no DICOM part came with the search" })
    const { region, k = defaultHits, filter = {} } = search
    const volume = yield* query.resolveVolume(stacksOf(slices, embedder.model.dimension), region)
    return query.searchVolume(volume, { k, filter, ...own })
  },
  Effect.catchTags({
    MultipartError: ({ reason, detail: error }) =>
      Effect.fail(
        reason === "unsupported"
          ? new Unsupported({ error })
          : reason === "too-many-parts"
            ? new TooLarge({ error })
            : new BadRequest({ error }),
      ),
    Refusal: ({ detail }) => Effect.fail(new BadRequest({ error: `a part cannot be read: ${detail}` })),
    DecodeError: ({ reason }) => Effect.fail(new BadRequest({ error: `a part cannot be decoded: ${reason}` })),
    BlobError: () => Effect.fail(new Unavailable({ error: "the gateway cannot take the volume now; try again" })),
    EmbedError: () => Effect.fail(new Unavailable({ error: "the gateway cannot take the volume now; try again" })),
  }),
)
