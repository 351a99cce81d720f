// What of a file's header the ledger is told, by plain calls: on the main thread where it is cheap, else on another.
import { attributesOf } from "../dicom/json.ts"
import { openPart10, parsePart10, type Part10, type Part10Limits } from "../dicom/part10.ts"
import type { DicomJson } from "../domain/instance.ts"

/** A whole file, in memory or on the disk. */
export type FileContent = { readonly bytes: Uint8Array } | { readonly path: string }

export interface Header {
  readonly attributes: DicomJson
  readonly TransferSyntaxUID: string
  /** The pixel data end before they should. */
  readonly isCut: boolean
}

/** Ten thousand frames with their functional groups have 300,000 elements; a deflated file counts as header. */
export const headerLimits: Part10Limits = {
  headerBytes: 32 * 2 ** 20,
  inflatedBytes: 128 * 2 ** 20,
  elements: 300_000,
}

/** Ten milliseconds of work at most; any slice of a CT or MR lies well within. */
export const cheapLimits: Part10Limits = { headerBytes: 2 ** 20, inflatedBytes: 2 ** 16, elements: 2000 }

/** A native value that runs past the end of the file, or a fragment that does, as far as the bytes are in memory. */
const isCut = ({ pixelData, fileBytes, littleEndian, source }: Part10): boolean => {
  if (pixelData === undefined) return false
  if (pixelData.length !== undefined) return pixelData.offset + pixelData.length > fileBytes
  if (!("bytes" in source) || !littleEndian) return false
  let at = pixelData.offset
  while (at + 8 <= fileBytes && source.bytes.readUInt32LE(at) === 0xe000fffe)
    at += 8 + source.bytes.readUInt32LE(at + 4)
  return at > fileBytes
}

/** Throws Part10Error, and what the file system throws. */
export const readHeader = (content: FileContent, limits: Part10Limits): Header => {
  const part10 = "bytes" in content ? parsePart10(content.bytes, limits) : openPart10(content.path, limits)
  return { attributes: attributesOf(part10), TransferSyntaxUID: part10.TransferSyntaxUID, isCut: isCut(part10) }
}
