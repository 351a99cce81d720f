// Content-Type and Accept values with their parameters (RFC 9110 §8.3.1, §12.5.1), quoted or not.

export interface MediaType {
  /** Lower case; `*` and `type/*` occur in Accept. */
  readonly type: string
  /** Names in lower case, values as sent. */
  readonly parameters: ReadonlyMap<string, string>
  /** 0..1, 1 when not given. */
  readonly quality: number
}

/** Splits at a separator outside of quoted strings. Linear. */
const split = (text: string, separator: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quoted && c === "\\") i++
    else if (c === '"') quoted = !quoted
    else if (c === separator && !quoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

const unquote = (value: string): string =>
  value.length >= 2 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1).replace(/\\(.)/gs, "$1")
    : value

export const parseMediaType = (text: string): MediaType => {
  const [type = "", ...rest] = split(text, ";")
  const parameters = new Map<string, string>()
  for (const parameter of rest) {
    const equals = parameter.indexOf("=")
    if (equals > 0) {
      const name = parameter.slice(0, equals).trim().toLowerCase()
      if (!parameters.has(name)) parameters.set(name, unquote(parameter.slice(equals + 1).trim()))
    }
  }
  const quality = Number(parameters.get("q") ?? 1)
  return { type: type.trim().toLowerCase(), parameters, quality: quality >= 0 && quality <= 1 ? quality : 1 }
}

/** Best first; the header's order decides between equals. What has quality 0 is left out. No header accepts everything. */
export const parseAccept = (header: string | undefined): ReadonlyArray<MediaType> =>
  split(header === undefined || header.trim() === "" ? "*/*" : header.slice(0, 8192), ",")
    .filter((part) => part.trim() !== "")
    .map(parseMediaType)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)

/** Whether a range such as `image/*` takes the type. */
export const matches = (range: string, type: string): boolean =>
  range === "*/*" || range === "*" || range === type || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)))

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What the caller takes: the `accept` query parameter, which goes before the header (PS3.18 §8.3.3.1). Its `+` is one. */
export const acceptOf = (request: {
  readonly url: string
  readonly headers: Readonly<Record<string, string | undefined>>
}): string | undefined => {
  const mark = request.url.indexOf("?")
  const named = (mark < 0 ? "" : request.url.slice(mark + 1))
    .split("&")
    .filter((parameter) => parameter.startsWith("accept="))
    .map((parameter) => decoded(parameter.slice("accept=".length)))
  return named.length > 0 ? named.join(",") : request.headers["accept"]
}
