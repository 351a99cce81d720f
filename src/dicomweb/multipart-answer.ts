// multipart/related answers (PS3.18 §8.6), streamed part by part.
import { randomUUID } from "node:crypto"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

export interface AnswerPart<E, R> {
  /** As written behind `Content-Type:`, with its parameters. */
  readonly contentType: string
  readonly location?: string
  readonly body: Stream.Stream<Uint8Array, E, R>
}

const text = (value: string) => Stream.make<[Uint8Array]>(Buffer.from(value))

/** `type`: media type of the parts. Viewers look for the header spelled exactly `Content-Type:`. */
export const multipart = <E, E2>(type: string, parts: Stream.Stream<AnswerPart<E, never>, E2>) => {
  const boundary = `gateway-${randomUUID()}`
  const body = parts.pipe(
    Stream.flatMap(({ contentType, location, body }) =>
      text(
        `--${boundary}\r\nContent-Type: ${contentType}\r\n` +
          (location === undefined ? "\r\n" : `Content-Location: ${location}\r\n\r\n`),
      ).pipe(Stream.concat(body), Stream.concat(text("\r\n"))),
    ),
    Stream.concat(text(`--${boundary}--\r\n`)),
  )
  return HttpServerResponse.stream(body, { contentType: `multipart/related; type="${type}"; boundary=${boundary}` })
}
