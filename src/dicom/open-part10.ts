// The same for the main thread: header reading as an effect with its typed error.
import * as Effect from "effect/Effect"
import { openPart10 as open, Part10Error, type Part10, type Part10Limits } from "./part10.ts"

/** Reads the header of the file; what the file system throws is a defect, since the caller named a stored file. */
export const openPart10 = (path: string, limits?: Part10Limits): Effect.Effect<Part10, Part10Error> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(open(path, limits))
    } catch (thrown) {
      return thrown instanceof Part10Error ? Effect.fail(thrown) : Effect.die(thrown)
    }
  })
