// Deterministic UIDs: the same input always yields the same identity, so that loading twice stores once.
import { createHash } from "node:crypto"

/** A UUID-derived UID (PS3.5 §B.2) of whatever names the object: version 8, SHA-256 instead of a random source. */
export const uidOf = (...names: ReadonlyArray<string | number>): string => {
  const bytes = createHash("sha256").update(JSON.stringify(names)).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return `2.25.${BigInt(`0x${bytes.toString("hex")}`)}`
}
