// Instances sent as metadata with bulk data (PS3.18 §10.5.1, §8.7.3): put together as Part 10 files once all parts are here.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DataSetError } from "../dicom/data-set-error.ts"
import { parseMediaType } from "../dicom/media-type.ts"
import type { BlobError } from "../ledger/Blobs.ts"
import { bulkParts } from "./bulk-parts.ts"
import { type Composed, composeInstances, type MetadataJob } from "./compose-instances.ts"
import { MultipartError } from "./multipart-error.ts"
import type { Part, PartLimits } from "./parts.ts"
import { ReadingThreads } from "./ReadingThreads.ts"
import type { Halt, ReceiveLimits } from "./receive.ts"

/** Of all metadata of one request: a thousand instances' headers. Reading takes several times as much memory. */
const maxMetadataBytes = 16 * 2 ** 20
/** Some milliseconds of work: a header or two, with few parts. */
const cheap = { bytes: 32 * 1024, parts: 200 }

const xml = "application/dicom+xml"
export const metadataTypes: ReadonlySet<string> = new Set(["application/dicom+json", xml])

/** As dcm4che's stowrs calls metadata in JSON, of the payload and of its part. */
export const plainJson = "application/json"

const compose = (
  job: MetadataJob,
  isCheap: boolean,
): Effect.Effect<ReadonlyArray<Composed>, MultipartError, ReadingThreads> =>
  Effect.gen(function* () {
    if (!isCheap) return yield* (yield* ReadingThreads).compose(job)
    return yield* Effect.try({
      try: () => composeInstances(job),
      catch: (thrown) => {
        if (thrown instanceof DataSetError) return thrown
        throw thrown
      },
    })
  }).pipe(
    Effect.mapError(
      ({ detail, _tag }) => new MultipartError({ reason: _tag === "DataSetError" ? "malformed" : "too-large", detail }),
    ),
  )

/** Parts that are DICOM files pass; metadata parts and the bulk data behind them become parts that are. */
export const metadataInstances = <E extends MultipartError | BlobError | Halt, R>(
  parts: Stream.Stream<Part, E, R>,
  base: string,
  limits: ReceiveLimits & PartLimits,
) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const bulk = yield* bulkParts(base, limits)
      const documents: Array<MetadataJob["documents"][number]> = []
      let bytes = 0
      let count = 0
      const gather = Effect.fnUntraced(function* (part: Part) {
        const chunks: Array<Uint8Array> = []
        yield* Stream.runForEach(part.body, (chunk) => {
          bytes += chunk.length
          chunks.push(chunk)
          return bytes <= maxMetadataBytes
            ? Effect.void
            : Effect.fail(
                new MultipartError({ reason: "too-large", detail: `more than ${maxMetadataBytes} bytes of metadata` }),
              )
        })
        documents.push({ syntax: part.mediaType.type === xml ? "xml" : "json", bytes: Buffer.concat(chunks) })
      })
      const sort = Effect.fnUntraced(function* (part: Part) {
        count++
        const isDicom = part.headers.has("content-type") && part.mediaType.type === "application/dicom"
        if (metadataTypes.has(part.mediaType.type) || part.mediaType.type === plainJson) yield* gather(part)
        else if (documents.length > 0 && !isDicom) yield* bulk.take(part)
        else return [part]
        return []
      })
      const files = parts.pipe(
        Stream.mapEffect(sort),
        Stream.flatMap((each) => Stream.fromIterable(each)),
      )
      const mediaType = parseMediaType("application/dicom")
      const composed = Stream.suspend(() =>
        documents.length === 0
          ? Stream.empty
          : Stream.fromIterableEffect(
              compose(
                { documents, bulk: bulk.index, maxInstances: limits.maxParts },
                bytes <= cheap.bytes && count <= cheap.parts,
              ),
            ),
      ).pipe(
        Stream.map((each) =>
          each._tag === "Refused"
            ? each
            : ({ headers: new Map(), mediaType, body: bulk.read(each.chunks) } satisfies Part),
        ),
      )
      return Stream.concat(files, composed)
    }),
  )
