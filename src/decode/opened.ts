// The file that a thread worked on last, kept open in parts: frames of one object are asked for one after the other.
import { statSync } from "node:fs"
import { openPart10, type Part10 } from "../dicom/part10.ts"
import { frameReader } from "./frame.ts"
import type { NativeFrame } from "./codec.ts"
import { imageModule, type ImageModule } from "./image-module.ts"

interface Opened {
  readonly key: string
  readonly part10: Part10
  image: ImageModule | undefined
  read: ((frame: number) => NativeFrame) | undefined
}

/** Bytes that may stay with a thread between its tasks. */
const keepBytes = 64 * 2 ** 20

let last: Opened | undefined

const opened = (path: string): Opened => {
  const { size, mtimeMs } = statSync(path)
  const key = `${path} ${size} ${mtimeMs}`
  if (last?.key === key) return last
  last = undefined
  const part10 = openPart10(path)
  const held = part10.dataset.byteArray.length + ("bytes" in part10.source ? part10.source.bytes.length : 0)
  const now: Opened = { key, part10, image: undefined, read: undefined }
  if (held <= keepBytes) last = now
  return now
}

/** Throws Part10Error, and what the file system throws. */
export const openObject = (path: string): Part10 => opened(path).part10

/** An object with its frames. Throws DecodeFailure as well. */
export const openImage = (path: string) => {
  const object = opened(path)
  const image = (object.image ??= imageModule(object.part10))
  const read = (object.read ??= frameReader(object.part10, image))
  return { part10: object.part10, image, read }
}
