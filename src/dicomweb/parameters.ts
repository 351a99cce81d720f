// The parameters of a query string (RFC 3986 §3.4), in their order.

export interface Parameter {
  readonly name: string
  /** What the value may mean: a bare `+` is a space to forms and scripts, and itself to the standard. */
  readonly texts: ReadonlyArray<string>
}

const most = 100

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Cut short, for a refusal. */
export const shown = (name: string): string => (name.length > 64 ? `${name.slice(0, 64)}…` : name)

/** The parameters, or a sentence that says which one is at fault. `url`: of the request. */
export const parametersOf = (url: string): ReadonlyArray<Parameter> | string => {
  const mark = url.indexOf("?")
  const parts = (mark < 0 ? "" : url.slice(mark + 1)).split("&").filter((part) => part !== "")
  if (parts.length > most) return `more than ${most} query parameters`
  const found: Array<Parameter> = []
  for (const part of parts) {
    const equals = part.indexOf("=")
    const raw = equals < 0 ? part : part.slice(0, equals)
    const value = equals < 0 ? "" : part.slice(equals + 1)
    const name = decoded(raw)
    const texts = [...new Set([value.replaceAll("+", " "), value])].map(decoded)
    if (name === undefined || texts.includes(undefined)) {
      return `the query parameter ${shown(name ?? raw)} is not UTF-8 in percent-encoding`
    }
    found.push({ name, texts: texts.filter((text) => text !== undefined) })
  }
  return found
}
