// An HTTP client that sends exactly what it is told, and the multipart bodies of the standard (PS3.18 §8.6).
import { Agent, request } from "node:http"
import { connect } from "node:net"
import { Effect } from "effect"

const agent = new Agent({ keepAlive: true, maxSockets: 8 })

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body?: Uint8Array | string | undefined
  /** Sent in pieces of this size with chunked transfer coding, instead of Content-Length. */
  readonly chunkBytes?: number | undefined
}

export interface Answer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  readonly text: string
}

/** One exchange; the target goes on the wire as it is, no header is added but Host and the body's framing. */
export const exchange = (base: string, target: string, question: Question = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base)
    const { method = "GET", headers = {}, body, chunkBytes } = question
    const bytes = body === undefined ? undefined : Buffer.from(body)
    const framing = bytes === undefined || chunkBytes !== undefined ? {} : { "content-length": String(bytes.length) }
    const outgoing = request(
      { hostname, port, path: target, method, headers: { ...framing, ...(headers as Record<string, string>) }, agent },
      (incoming) => {
        const pieces: Array<Buffer> = []
        incoming.on("data", (piece: Buffer) => pieces.push(piece))
        incoming.once("error", reject)
        incoming.once("end", () => {
          const whole = Buffer.concat(pieces)
          const answered = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])
          resolve({
            status: incoming.statusCode ?? 0,
            headers: Object.fromEntries(answered) as Answer["headers"],
            body: whole,
            text: whole.toString("utf8"),
          })
        })
      },
    )
    outgoing.once("error", reject)
    if (bytes === undefined || chunkBytes === undefined) return void outgoing.end(bytes)
    for (let at = 0; at < bytes.length; at += chunkBytes) outgoing.write(bytes.subarray(at, at + chunkBytes))
    outgoing.end()
  })

export const ask = (base: string, target: string, question: Question = {}) =>
  Effect.promise(() => exchange(base, target, question))

/** Writes bytes to a socket and gives what comes back until the server closes, or until `enough` says so. */
export const raw = (base: string, bytes: Uint8Array | string, enough: (text: string) => boolean = () => false) =>
  Effect.callback<string>((resume) => {
    const { hostname, port } = new URL(base)
    let text = ""
    const socket = connect(Number(port), hostname, () => void socket.write(bytes))
    const end = () => {
      socket.destroy()
      resume(Effect.succeed(text))
    }
    socket.setTimeout(15_000, end)
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1")
      if (enough(text)) end()
    })
    socket.on("error", end)
    socket.on("close", end)
  })

export interface Part {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
}

export const boundary = "fRoNtIeR"

/** Parts between delimiters, the first without a leading CRLF, the last followed by the closing one and CRLF. */
export const multipart = (parts: ReadonlyArray<Part>, delimiter = boundary): Buffer =>
  Buffer.concat([
    ...parts.flatMap(({ headers, body }) => [
      Buffer.from(`--${delimiter}\r\n`),
      ...Object.entries(headers).map(([name, value]) => Buffer.from(`${name}: ${value}\r\n`)),
      Buffer.from("\r\n"),
      Buffer.from(body),
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${delimiter}--\r\n`),
  ])

export const dicomParts = (files: ReadonlyArray<Uint8Array>): ReadonlyArray<Part> =>
  files.map((body) => ({ headers: { "Content-Type": "application/dicom" }, body }))

export const dicomType = `multipart/related; type="application/dicom"; boundary=${boundary}`

/** The question that stores files. */
export const store = (...files: ReadonlyArray<Uint8Array>): Question => ({
  method: "POST",
  headers: { "content-type": dicomType },
  body: multipart(dicomParts(files)),
})

/** The parts of a multipart answer, by the boundary its Content-Type names; header names as they were spelled. */
export const partsOf = ({
  headers,
  body,
}: Answer): ReadonlyArray<{ readonly headers: Part["headers"]; readonly body: Buffer }> => {
  const named = /boundary="?([^";]+)"?/.exec(headers["content-type"] ?? "")?.[1]
  if (named === undefined) throw new Error(`no boundary in ${headers["content-type"]}`)
  const text = body.toString("latin1")
  const pieces = `\r\n${text}`.split(`\r\n--${named}`)
  if (!pieces.at(-1)!.startsWith("--")) throw new Error("the closing delimiter is missing")
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf("\r\n\r\n")
    const head = piece.slice(2, end).split("\r\n")
    return {
      headers: Object.fromEntries(
        head.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
      ),
      body: Buffer.from(piece.slice(end + 4), "latin1"),
    }
  })
}
