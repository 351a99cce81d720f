// Which files of a folder are DICOM, told from their first bytes.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"

export interface DicomFile {
  readonly path: string
  readonly bytes: number
  /** As the file meta information names it; STOW answers speak of instances, not of files. */
  readonly SOPInstanceUID: string | undefined
}

const headBytes = 2048

/** Media Storage SOP Instance UID (0002,0003) of a Part 10 head; `undefined` when it is not in reach (PS3.10 §7.1). */
export const sopInstanceUidOf = (head: Buffer): string | undefined => {
  let at = 132
  while (at + 12 <= head.length && head.readUInt16LE(at) === 2) {
    const long = ["OB", "UN", "OW", "SQ", "UT"].includes(head.toString("latin1", at + 4, at + 6))
    const length = long ? head.readUInt32LE(at + 8) : head.readUInt16LE(at + 6)
    const value = at + (long ? 12 : 8)
    if (head.readUInt16LE(at + 2) === 3) return head.toString("latin1", value, value + length).replace(/[\0 ]+$/, "")
    at = value + length
  }
  return undefined
}

/** `None` for what is no Part 10 file, or cannot be read. */
export const dicomFile = Effect.fnUntraced(
  function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const { type, size } = yield* fs.stat(path)
    if (type !== "File" || Number(size) < 132) return Option.none<DicomFile>()
    const file = yield* fs.open(path, { flag: "r" })
    const head = Buffer.from(Option.getOrElse(yield* file.readAlloc(headBytes), () => new Uint8Array()))
    if (head.toString("latin1", 128, 132) !== "DICM") return Option.none<DicomFile>()
    return Option.some<DicomFile>({ path, bytes: Number(size), SOPInstanceUID: sopInstanceUidOf(head) })
  },
  Effect.scoped,
  Effect.orElseSucceed(() => Option.none<DicomFile>()),
)
