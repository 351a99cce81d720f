// The same for the main thread: header reading as an effect with its typed error.
import * as Effect from "effect/Effect"
import { openPart10 as open, parsePart10, Part10Error, type Part10, type Part10Limits } from "./part10.ts"

/** A whole file, in memory or on the disk. */
export type Part10Content = { readonly bytes: Uint8Array } | { readonly path: string }

/** Reads the header of the file; what the file system throws is a defect, since the caller named a stored file. */
export const openPart10 = (content: Part10Content, limits?: Part10Limits): Effect.Effect<Part10, Part10Error> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed("bytes" in content ? parsePart10(content.bytes, limits) : open(content.path, limits))
    } catch (thrown) {
      return thrown instanceof Part10Error ? Effect.fail(thrown) : Effect.die(thrown)
    }
  })
