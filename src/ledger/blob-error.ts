// What the file system says, as the error of blobs.
import * as Effect from "effect/Effect"
import { BlobError } from "./Blobs.ts"

export const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

export const blobError = (cause: unknown): BlobError => {
  const code = codeOf(cause)
  const reason =
    code === "ENOSPC" || code === "EDQUOT" ? ("disk-full" as const) : code === "ENOENT" ? ("missing" as const) : "io"
  return new BlobError({ reason, cause })
}

/** File work is never cut in half: an interrupted caller waits for the call in hand. */
export const file = <A>(work: () => Promise<A>) =>
  Effect.uninterruptible(Effect.tryPromise({ try: work, catch: blobError }))
