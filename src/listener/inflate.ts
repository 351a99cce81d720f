// Deflated objects (PS3.5 §A.5), opened without holding up the main thread: a few kilobytes may inflate to anything.
import { readFile, stat } from "node:fs/promises"
import { constants, inflateRaw } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { metaElements, metaStart } from "../dicom/file-meta.ts"
import { openPart10, type Part10Content } from "../dicom/open-part10.ts"
import { deflatedExplicit, explicitLittleEndian, type Part10Limits } from "../dicom/part10.ts"
import { Part10Error } from "../dicom/part10-error.ts"

const maxInflatedBytes = 128 * 2 ** 20
const maxDeflatedBytes = 32 * 2 ** 20
const pieceBytes = 2 ** 20

/** What is inflated at the same time, for all callers together: memory is this many times the limit. */
const turns = Semaphore.makeUnsafe(2)

const inflated = (deflated: Uint8Array) =>
  Effect.callback<Buffer, Part10Error>((resume) => {
    const options = { maxOutputLength: maxInflatedBytes, chunkSize: pieceBytes, finishFlush: constants.Z_SYNC_FLUSH }
    inflateRaw(deflated, options, (error, bytes) => {
      if (error === null) resume(Effect.succeed(bytes))
      else {
        const tooLarge = "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
        const failure = tooLarge
          ? new Part10Error("too-large", `inflates to more than ${maxInflatedBytes} bytes`)
          : new Part10Error("corrupt", "the deflated data set does not inflate")
        resume(Effect.fail(failure))
      }
    })
  })

/** All the bytes, unless there are too many. */
const whole = Effect.fnUntraced(function* (content: Part10Content) {
  const size = "bytes" in content ? content.bytes.length : (yield* Effect.promise(() => stat(content.path))).size
  if (size > maxDeflatedBytes) {
    return yield* Effect.fail(new Part10Error("too-large", `deflated file of more than ${maxDeflatedBytes} bytes`))
  }
  return "bytes" in content
    ? Buffer.from(content.bytes.buffer, content.bytes.byteOffset, size)
    : yield* Effect.promise(() => readFile(content.path))
})

/** The object in its plain encoding, named as what it is stored in. */
export const openDeflated = Effect.fnUntraced(function* (content: Part10Content, limits: Part10Limits) {
  const file = yield* whole(content)
  const meta = [...metaElements(file, metaStart(file))]
  const syntax = meta.find(({ element }) => element === 0x10)
  const last = meta.at(-1)
  if (syntax === undefined || last === undefined) {
    return yield* Effect.fail(new Part10Error("corrupt", "no TransferSyntaxUID in the file meta information"))
  }
  const head = Buffer.from(file.subarray(0, last.valueAt + last.valueLength))
  head.fill(0, syntax.valueAt, syntax.valueAt + syntax.valueLength)
  head.write(explicitLittleEndian, syntax.valueAt, "latin1")
  const data = yield* inflated(file.subarray(head.length))
  const part10 = yield* openPart10({ bytes: Buffer.concat([head, data]) }, limits)
  return { ...part10, TransferSyntaxUID: deflatedExplicit }
}, turns.withPermit)
