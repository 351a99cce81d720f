// The address of a request in its one canonical spelling (RFC 3986 §6.2.2), or nothing where it cannot be meant. What
// decides about a request behind this, a router or a table of rights, then reads the same path.

/** No slash or backslash hidden in a segment, no dot segment, no control character. */
const isPlain = (segment: string) => {
  if (segment === "." || segment === "..") return false
  // oxlint-disable-next-line no-control-regex
  return !/[/\\\u0000-\u001f\u007f]/.test(segment)
}

const canonicalSegment = (segment: string): string | undefined => {
  let decoded
  try {
    // Refuses overlong and broken UTF-8.
    decoded = decodeURIComponent(segment)
  } catch {
    return undefined
  }
  if (!isPlain(decoded)) return undefined
  // The router would take a semicolon for the begin of the query.
  return /[%;]/.test(segment) ? encodeURIComponent(decoded) : segment
}

/** Path and query as sent in the request line; doubled slashes and the last one go. */
export const canonicalAddress = (target: string): string | undefined => {
  const mark = target.indexOf("?")
  const path = mark < 0 ? target : target.slice(0, mark)
  if (!path.startsWith("/") || path.includes("#")) return undefined
  const segments: Array<string> = []
  for (const segment of path.split("/")) {
    if (segment === "") continue
    const canonical = canonicalSegment(segment)
    if (canonical === undefined) return undefined
    segments.push(canonical)
  }
  return `/${segments.join("/")}${mark < 0 ? "" : target.slice(mark)}`
}
