// Files that begin with their file meta information or their data set, without preamble: what older archives keep. They are
// stored as Part 10 files, since that is what retrieval must answer (PS3.10 §7.1); their data set stays as it is.
import { createReadStream } from "node:fs"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { makeWindow } from "../dicom/byte-window.ts"
import { fileMeta, unpaddedUid } from "../dicom/file-meta.ts"
import { explicitLittleEndian, implicitLittleEndian } from "../dicom/part10.ts"
import { walk } from "../dicom/walk.ts"
import { blobError } from "../ledger/blob-error.ts"
import { type BlobError, Blobs, type Draft } from "../ledger/Blobs.ts"
import { beginning } from "./draft-content.ts"

/** What is looked at: a data set names its object among its first elements. */
const peekBytes = 64 * 1024
const limits = { depth: 8, elements: 1000 }
const prefix = Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")])

/** UIDs of the object, if the bytes are the beginning of a data set in this encoding. */
const objectOf = (bytes: Buffer, explicit: boolean) => {
  const uids = new Map<number, string>()
  try {
    const window = makeWindow(bytes.length, bytes, (offset, length) => bytes.subarray(offset, offset + length))
    for (const token of walk(window, { start: 0, explicit, littleEndian: true }, limits)) {
      if (token._tag !== "Value" || token.depth > 0) continue
      if (token.tag > 0x00080018) break
      uids.set(token.tag, unpaddedUid(bytes, token.offset, token.length))
    }
  } catch {
    // Not in this encoding, or not far enough.
  }
  const [SOPClassUID, SOPInstanceUID] = [uids.get(0x00080016), uids.get(0x00080018)]
  return SOPClassUID === undefined || SOPInstanceUID === undefined ? undefined : { SOPClassUID, SOPInstanceUID }
}

/** The bytes to put in front; undefined when nothing is missing, or this is no DICOM. */
export const missingHead = (bytes: Buffer): Buffer | undefined => {
  if (bytes.length < 16 || bytes.toString("latin1", 128, 132) === "DICM") return undefined
  if (bytes.toString("latin1", 0, 4) === "DICM") return prefix.subarray(0, 128)
  const group = bytes.readUInt16LE(0)
  if (group === 2 && /^(UL|OB|UI)$/.test(bytes.toString("latin1", 4, 6))) return prefix
  if (group !== 8) return undefined
  const explicit = /^[A-Z]{2}$/.test(bytes.toString("latin1", 4, 6))
  const object = objectOf(bytes, explicit)
  const TransferSyntaxUID = explicit ? explicitLittleEndian : implicitLittleEndian
  return object === undefined ? undefined : fileMeta({ ...object, TransferSyntaxUID })
}

/** A draft with the same data set as a Part 10 file; undefined when it is none. */
export const asPart10 = Effect.fnUntraced(function* (draft: Draft, scope: Scope.Scope) {
  const content = yield* draft.content
  const head = missingHead(yield* beginning(content, peekBytes))
  if (head === undefined) return undefined
  const whole = yield* Scope.provide((yield* Blobs).draft, scope)
  yield* whole.write(head)
  if ("bytes" in content) yield* whole.write(content.bytes)
  else {
    const rest = Stream.fromAsyncIterable<Uint8Array, BlobError>(createReadStream(content.path), blobError)
    yield* Stream.runForEach(rest, whole.write)
  }
  return whole
})
