// Wildcard matching (PS3.4 §C.2.2.2.4) in time that no pattern can make long.

/** `*` stands for any characters, `?` for one. Goes back to the last `*` only: at most pattern × text steps. */
export const wildcardMatches = (pattern: string, text: string): boolean => {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === "*") {
      star = p++
      resume = t
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === "*") p++
  return p === pattern.length
}

const components = 5

/** A folded name group against a folded pattern; components that are not there count as empty: `doe^*` finds `doe`. */
export const nameMatches = (pattern: string, group: string): boolean =>
  wildcardMatches(pattern, group) ||
  (pattern.includes("^") &&
    wildcardMatches(pattern, group + "^".repeat(Math.max(0, components - group.split("^").length))))

export const isWildcard = (text: string): boolean => text.includes("*") || text.includes("?")

/** What stands before the first wildcard. */
export const literalPrefix = (pattern: string): string => /^[^*?]*/.exec(pattern)?.[0] ?? ""

/** The longest piece without wildcards. */
export const literalPiece = (pattern: string): string =>
  pattern.split(/[*?]/).reduce((longest, piece) => (piece.length > longest.length ? piece : longest), "")
