// A Range header (RFC 9110 §14.2) against a value of known length.

export type ByteRange = { readonly from: number; readonly length: number } | "unsatisfiable"

/** Undefined: the whole, as for what is malformed, in another unit, or several ranges (§14.2 lets a server ignore them). */
export const byteRange = (header: string | undefined, total: number): ByteRange | undefined => {
  const [, first = "", last = ""] = /^\s*bytes\s*=\s*([0-9]{0,15})\s*-\s*([0-9]{0,15})\s*$/i.exec(header ?? "") ?? []
  if (first === "" && last === "") return undefined
  if (first === "") {
    const length = Math.min(Number(last), total)
    return length === 0 ? "unsatisfiable" : { from: total - length, length }
  }
  const from = Number(first)
  if (last !== "" && Number(last) < from) return undefined
  if (from >= total) return "unsatisfiable"
  return { from, length: (last === "" ? total : Math.min(Number(last) + 1, total)) - from }
}

export const contentRange = ({ from, length }: Exclude<ByteRange, "unsatisfiable">, total: number): string =>
  `bytes ${from}-${from + length - 1}/${total}`
