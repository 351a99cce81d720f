// One STOW-RS request (PS3.18 §10.5) whose body is read from the files while it is sent.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { DicomFile } from "./dicom-file.ts"

export interface Failure {
  readonly path: string
  readonly reason: string
}

const boundary = "region-gateway-part-2f6d1c"
const partHead = Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`)
const partEnd = Buffer.from("\r\n")
const bodyEnd = Buffer.from(`--${boundary}--\r\n`)

const body = (fs: FileSystem.FileSystem, files: ReadonlyArray<DicomFile>) =>
  HttpBody.stream(
    Stream.fromIterable(files).pipe(
      Stream.flatMap(({ path }) =>
        Stream.make(partHead).pipe(Stream.concat(fs.stream(path)), Stream.concat(Stream.make(partEnd))),
      ),
      Stream.concat(Stream.make(bodyEnd)),
    ),
    `multipart/related; type="application/dicom"; boundary=${boundary}`,
    files.reduce((sum, { bytes }) => sum + partHead.length + bytes + partEnd.length, bodyEnd.length),
  )

const Numbers = Schema.optionalKey(Schema.Struct({ Value: Schema.optionalKey(Schema.Array(Schema.Number)) }))
const Texts = Schema.optionalKey(Schema.Struct({ Value: Schema.optionalKey(Schema.Array(Schema.String)) }))
const Items = Schema.optionalKey(
  Schema.Struct({
    Value: Schema.optionalKey(Schema.Array(Schema.Struct({ "00081155": Texts, "00081197": Numbers }))),
  }),
)
/** FailedSOPSequence and ReferencedSOPSequence of the Store Instances Response (PS3.18 §I.2). */
const Answer = Schema.Struct({ "00081198": Items, "00081199": Items })

// PS3.18 §I.2.2 table of failure reasons.
const failureReasons: Readonly<Record<number, string>> = {
  0x0110: "processing failure",
  0x0111: "the same UID is stored with other content",
  0x0122: "SOP class not supported",
  0x0124: "not authorised",
  0xa700: "out of resources",
  0xa900: "data set does not match its SOP class",
  0xc000: "cannot understand",
  0xc122: "transfer syntax not supported",
}

const reasonText = (code: number | undefined) =>
  code === undefined
    ? "refused"
    : `${failureReasons[code] ?? "refused"} (0x${code.toString(16).toUpperCase().padStart(4, "0")})`

const uid = (item: { readonly "00081155"?: typeof Texts.Type }) => item["00081155"]?.Value?.[0]

const judge = (files: ReadonlyArray<DicomFile>, answer: typeof Answer.Type): ReadonlyArray<Failure> => {
  const failed = new Map(
    (answer["00081198"]?.Value ?? []).map((item) => [uid(item), reasonText(item["00081197"]?.Value?.[0])]),
  )
  const stored = new Set((answer["00081199"]?.Value ?? []).map(uid))
  return files.flatMap(({ path, SOPInstanceUID }) => {
    // Only what the answer lists as stored counts: a 200 alone is no proof for one file among many.
    if (failed.has(SOPInstanceUID)) return [{ path, reason: failed.get(SOPInstanceUID) ?? "refused" }]
    return stored.has(SOPInstanceUID) ? [] : [{ path, reason: "the answer does not mention it" }]
  })
}

/** Tries again, after this long (ms), may help; `why` is told when patience ends. */
class Busy extends Schema.TaggedError<Busy>()("Busy", { why: Schema.String, after: Schema.Number }) {}

const refusals: Readonly<Record<number, string>> = {
  401: "the receiver asks for sign-in (HTTP 401)",
  403: "the key or token may not store (HTTP 403)",
}

const busyStatus = [429, 502, 503, 504]
const longestWait = 60_000

/** Retry-After in ms: seconds, as RFC 9110 §10.2.3 has it; a date is taken for "soon". */
const retryAfter = (response: HttpClientResponse.HttpClientResponse) => {
  const seconds = Number(response.headers["retry-after"] ?? Number.NaN)
  return Number.isFinite(seconds) ? Math.min(longestWait, Math.max(0, seconds * 1000)) : 0
}

export interface StowOptions {
  /** Base of the DICOMweb service; `/studies` is added. */
  readonly url: string
  /** Attempts after the first one while the receiver is busy or away. */
  readonly retries: number
  /** Sent with each request, such as those that sign in. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends the files; the answer tells which of them were not stored. */
export const stow = Effect.fnUntraced(function* (
  files: ReadonlyArray<DicomFile>,
  { url, retries, headers = {} }: StowOptions,
) {
  const fs = yield* FileSystem.FileSystem
  const client = yield* HttpClient.HttpClient
  const all = (reason: string) => files.map(({ path }): Failure => ({ path, reason }))
  const once = client
    .execute(
      HttpClientRequest.post(`${url.replace(/\/+$/, "")}/studies`).pipe(
        HttpClientRequest.accept("application/dicom+json"),
        HttpClientRequest.setHeaders(headers),
        HttpClientRequest.setBody(body(fs, files)),
      ),
    )
    .pipe(
      Effect.mapError(() => new Busy({ why: `no answer from ${url}`, after: 0 })),
      Effect.flatMap((response) =>
        busyStatus.includes(response.status)
          ? Effect.fail(new Busy({ why: `HTTP ${response.status}`, after: retryAfter(response) }))
          : response.json.pipe(
              Effect.flatMap(Schema.decodeUnknownEffect(Answer)),
              Effect.option,
              Effect.map((answer) =>
                Option.isSome(answer) && [200, 202, 409].includes(response.status)
                  ? judge(files, answer.value)
                  : all(refusals[response.status] ?? `HTTP ${response.status}`),
              ),
            ),
      ),
    )
  const attempt = (tried: number): Effect.Effect<ReadonlyArray<Failure>> =>
    Effect.catch(once, ({ why, after }) =>
      tried >= retries
        ? Effect.succeed(all(why))
        : Effect.sleep(Duration.millis(Math.max(after, Math.min(longestWait, 250 * 2 ** tried)))).pipe(
            Effect.andThen(Effect.suspend(() => attempt(tried + 1))),
          ),
    )
  return yield* attempt(0)
})
