// Entity tags (RFC 9110 §8.8.3) of what is made from stored bytes, and the questions that go by them.
import { createHash } from "node:crypto"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** Changes with every part. */
export const entityTag = (...parts: ReadonlyArray<string | Iterable<string>>): string => {
  const hash = createHash("sha256")
  for (const part of parts) {
    for (const text of typeof part === "string" ? [part] : part) hash.update(text).update("\n")
    hash.update("\n")
  }
  return `"${hash.digest("base64url").slice(0, 32)}"`
}

/** For what may be compressed on its way: its codings are equivalent, not the same bytes (RFC 9110 §8.8.1). */
export const weak = (tag: string): string => `W/${tag}`

const opaque = (tag: string) => tag.trim().replace(/^W\//, "")

/** RFC 9110 §13.1.2: weak comparison, or any by `*`. */
export const isKnown = (tag: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch !== undefined && ifNoneMatch.split(",").some((one) => one.trim() === "*" || opaque(one) === opaque(tag))

export const notModified = (etag: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.empty({ status: 304, headers: { ...headers, etag } })
