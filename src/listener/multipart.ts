// Splits multipart/related (RFC 2046 §5.1) while it arrives. Own code: Effect's parser takes parts without a file name for
// form fields and decodes them as text; here bytes stay bytes, and a missing closing delimiter is always seen.

export type Piece =
  | { readonly _tag: "Head"; readonly headers: ReadonlyMap<string, string> }
  | { readonly _tag: "Data"; readonly bytes: Uint8Array }
  | { readonly _tag: "End" }
  | { readonly _tag: "Broken"; readonly reason: string }

export interface Splitter {
  readonly push: (chunk: Uint8Array) => ReadonlyArray<Piece>
  /** The body is over: complains unless the closing delimiter came. */
  readonly end: () => ReadonlyArray<Piece>
}

const maxHeadBytes = 16 * 1024
const maxPadding = 128
const maxPreambleBytes = 64 * 1024
const CRLF = Buffer.from("\r\n")
const blankLine = Buffer.from("\r\n\r\n")
const nothing = Buffer.alloc(0)

/** Names in lower case; folded lines are joined (RFC 5322 §2.2.3). */
const parseHead = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .replace(/\r\n[ \t]+/g, " ")
      .split("\r\n")
      .flatMap((line) => {
        const colon = line.indexOf(":")
        return colon > 0 ? [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const] : []
      }),
  )

/** What stands behind a delimiter: `part` with the offset of its line end, the closing dashes, other text, or not enough of it. */
const lineEnd = (buffer: Buffer, at: number): number | "close" | "no" | "more" => {
  if (buffer[at] === 0x2d) return buffer.length === at + 1 ? "more" : buffer[at + 1] === 0x2d ? "close" : "no"
  let i = at
  while (buffer[i] === 0x20 || buffer[i] === 0x09) if (++i - at > maxPadding) return "no"
  if (i + 2 > buffer.length) return i === buffer.length || buffer[i] === 0x0d ? "more" : "no"
  return buffer[i] === 0x0d && buffer[i + 1] === 0x0a ? i : "no"
}

/** Where a delimiter that the next chunk completes could begin. */
const possibleStart = (buffer: Buffer, delimiter: Buffer): number => {
  let i = buffer.indexOf(0x0d, Math.max(0, buffer.length - delimiter.length + 1))
  while (i >= 0 && !delimiter.subarray(0, buffer.length - i).equals(buffer.subarray(i))) i = buffer.indexOf(0x0d, i + 1)
  return i < 0 ? buffer.length : i
}

/** Holds back at most one part head; data passes through as views of the chunks. */
export const makeSplitter = (boundary: string): Splitter => {
  const delimiter = Buffer.from(`\r\n--${boundary}`, "latin1")
  let state: "preamble" | "head" | "body" | "closed" | "broken" = "preamble"
  // The first delimiter needs no line end before it.
  let buffer: Buffer = CRLF
  let notData = 0
  let preamble = 0

  const broken = (reason: string): Piece => {
    state = "broken"
    buffer = nothing
    return { _tag: "Broken", reason }
  }

  const head = (): Piece | undefined => {
    const end = buffer.subarray(0, maxHeadBytes).indexOf(blankLine)
    if (end < 0) return buffer.length >= maxHeadBytes ? broken("a part header is too long") : undefined
    const headers = parseHead(buffer.toString("latin1", 0, end))
    // The delimiter of a part without a body begins with the blank line's own end: that stays, and is no data.
    buffer = buffer.subarray(end + CRLF.length)
    notData = CRLF.length
    state = "body"
    return { _tag: "Head", headers }
  }

  /** Text up to the next delimiter, or as far as there is certainly none. */
  const text = (pieces: Array<Piece>): boolean => {
    const inBody = state === "body"
    const emit = (bytes: Buffer) => {
      const skipped = Math.min(notData, bytes.length)
      notData -= skipped
      if (!inBody) preamble += bytes.length
      else if (bytes.length > skipped) pieces.push({ _tag: "Data", bytes: bytes.subarray(skipped) })
    }
    let from = 0
    for (;;) {
      const at = buffer.indexOf(delimiter, from)
      if (at < 0) {
        const keep = Math.max(from, possibleStart(buffer, delimiter))
        emit(buffer.subarray(0, keep))
        buffer = buffer.subarray(keep)
        return false
      }
      const next = lineEnd(buffer, at + delimiter.length)
      if (next === "no") {
        from = at + 1
        continue
      }
      emit(buffer.subarray(0, at))
      if (next === "more") {
        buffer = buffer.subarray(at)
        return false
      }
      if (inBody) pieces.push({ _tag: "End" })
      state = next === "close" ? "closed" : "head"
      buffer = next === "close" ? nothing : buffer.subarray(next)
      return true
    }
  }

  /** What follows a delimiter that the body begins with, which is the rule: spared the copy. */
  const beginning = (view: Buffer): Buffer | undefined => {
    const first = delimiter.subarray(CRLF.length)
    const next = view.subarray(0, first.length).equals(first) ? lineEnd(view, first.length) : "no"
    return typeof next === "number" ? view.subarray(next) : undefined
  }

  const isOver = () => state === "closed" || state === "broken"

  const push = (chunk: Uint8Array): ReadonlyArray<Piece> => {
    if (state === "closed" || state === "broken") return []
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const begun = buffer === CRLF ? beginning(view) : undefined
    if (begun !== undefined) {
      state = "head"
      buffer = begun
    } else buffer = buffer.length === 0 ? view : Buffer.concat([buffer, view])
    const pieces: Array<Piece> = []
    let going = true
    while (going && !isOver()) {
      if (state === "head") {
        const piece = head()
        if (piece === undefined) going = false
        else pieces.push(piece)
      } else going = text(pieces)
      if (state === "preamble" && preamble > maxPreambleBytes) pieces.push(broken("no boundary in the body"))
    }
    return pieces
  }

  const end = (): ReadonlyArray<Piece> => {
    if (state === "closed" || state === "broken") return []
    return [broken(state === "preamble" ? "no boundary in the body" : "the body ends before its closing boundary")]
  }

  return { push, end }
}
