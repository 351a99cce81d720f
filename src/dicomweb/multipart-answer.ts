// multipart/related answers (PS3.18 §8.6), streamed part by part.
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

export interface AnswerPart<E> {
  /** As written behind `Content-Type:`, with its parameters. */
  readonly contentType: string
  readonly location?: string
  /** Of a part of a value (RFC 9110 §14.4). */
  readonly range?: string
  readonly body: Stream.Stream<Uint8Array, E>
}

type Failure = { readonly reason: string }

/** The part once its first bytes are at hand; none when what it was to show has been deleted meanwhile. */
const written = <E extends Failure>(boundary: string, { contentType, location, range, body }: AnswerPart<E>) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(body)
      const begun = yield* pull.pipe(
        Effect.map((chunks): ReadonlyArray<Uint8Array> => chunks),
        Pull.catchDone(() => Effect.succeed<ReadonlyArray<Uint8Array>>([])),
        Effect.catch((error) => (error.reason === "missing" ? Effect.succeed(undefined) : Effect.fail(error))),
      )
      if (begun === undefined) return Stream.empty
      // Viewers look for the header spelled exactly `Content-Type:`.
      const head =
        `--${boundary}\r\nContent-Type: ${contentType}\r\n` +
        (location === undefined ? "" : `Content-Location: ${location}\r\n`) +
        (range === undefined ? "" : `Content-Range: ${range}\r\n`)
      return Stream.make<ReadonlyArray<Uint8Array>>(Buffer.from(`${head}\r\n`), ...begun).pipe(
        Stream.concat(begun.length === 0 ? Stream.empty : Stream.fromPull(Effect.succeed(pull))),
        Stream.concat(Stream.make<ReadonlyArray<Uint8Array>>(Buffer.from("\r\n"))),
      )
    }),
  )

/** `type`: media type of the parts. */
export const multipart = <E extends Failure, E2 extends Failure>(
  type: string,
  parts: Stream.Stream<AnswerPart<E>, E2>,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
) => {
  const boundary = `gateway-${randomUUID()}`
  const body = parts.pipe(
    Stream.flatMap((part) => written(boundary, part)),
    Stream.concat(Stream.make<ReadonlyArray<Uint8Array>>(Buffer.from(`--${boundary}--\r\n`))),
  )
  return HttpServerResponse.stream(body, {
    ...options,
    contentType: `multipart/related; type="${type}"; boundary=${boundary}`,
  })
}
