// A draft's bytes, looked at without reading the whole.
import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { blobError } from "../ledger/blob-error.ts"
import type { FileContent } from "./header.ts"

/** The first `count` bytes, or all there are. */
export const beginning = (content: FileContent, count: number) =>
  "bytes" in content
    ? Effect.succeed(
        Buffer.from(content.bytes.buffer, content.bytes.byteOffset, Math.min(count, content.bytes.byteLength)),
      )
    : Effect.tryPromise({
        try: async () => {
          const file = await open(content.path, "r")
          const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0).finally(() => file.close())
          return buffer.subarray(0, bytesRead)
        },
        catch: blobError,
      })
