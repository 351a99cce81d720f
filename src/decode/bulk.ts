// Where the bulk data of a stored object lies (PS3.18 §10.4.1.1.4): one value by its path, or the frames as stored.
import { makeWindow } from "../dicom/byte-window.ts"
import { bulkLinks, withAbsoluteLinks } from "../dicom/bulk-links.ts"
import { type DocumentSyntax, documentText } from "../dicom/document-form.ts"
import { attributesOf } from "../dicom/json.ts"
import { readPart10Bytes, type Part10 } from "../dicom/part10.ts"
import { bytesPiece, type Piece, type Pieces } from "../dicom/pieces.ts"
import { swapWords, vrOf, wordBytes } from "../dicom/value-representation.ts"
import { hexTag, walk } from "../dicom/walk.ts"
import { nativeByteOrder } from "./codec.ts"
import { DecodeFailure } from "./failure.ts"
import { encapsulatedFrames } from "./fragments.ts"
import { frameBytes } from "./image-module.ts"
import { pixelWidth } from "./frame.ts"
import { openImage, openObject } from "./opened.ts"

const limits = { depth: 64, elements: 2_000_000 }
/** Of values that cannot be sent by reference, since the stored file is deflated. */
const maxInflatedValue = 64 * 2 ** 20

const absent = (path: string) => new DecodeFailure("missing", `there is no bulk data ${path}`)

/** A stretch of the object's own bytes: of the stored file, unless that is deflated. */
const stretch = (part10: Part10, offset: number, length: number, swap: 1 | 2 | 4 | 8): Piece => {
  if ("path" in part10.source) return { _tag: "Stored", offset, length, swap }
  if (length > maxInflatedValue) throw new DecodeFailure("too-large", `${length} bytes in a deflated object`)
  return bytesPiece(swapWords(Buffer.from(readPart10Bytes(part10, offset, length)), swap))
}

/** The value of one element; `path` as in its BulkDataURI. */
const elementValue = (part10: Part10, path: string): Pieces => {
  const { datasetAt, explicit, littleEndian, fileBytes, dataset } = part10
  const signed = (dataset.uint16("x00280103") ?? 0) !== 0
  const read = (offset: number, length: number) => readPart10Bytes(part10, offset, length)
  const window = makeWindow(fileBytes, Buffer.alloc(0), read)
  // Tag and item, down to where the walk is: "54000100.1.".
  const above: Array<{ readonly tag: string; item: number }> = []
  const here = (tag: number) => above.map(({ tag, item }) => `${tag}.${item}.`).join("") + hexTag(tag)
  const fragments: Array<Piece> = []
  let inside = false
  for (const token of walk(window, { start: datasetAt, explicit, littleEndian }, limits)) {
    if (token._tag === "Sequence") {
      inside = token.fragments && here(token.tag) === path
      above.push({ tag: hexTag(token.tag), item: 0 })
    } else if (token._tag === "Item") above[above.length - 1]!.item += 1
    else if (token._tag === "Fragment" && inside) fragments.push(stretch(part10, token.offset, token.length, 1))
    else if (token._tag === "End" && token.of === "Sequence") {
      above.pop()
      // The first item is the offset table.
      if (inside) return fragments.slice(1)
    } else if (token._tag === "Value" && here(token.tag) === path) {
      const { tag, vr, offset, length, littleEndian } = token
      const named = vrOf(hexTag(tag), vr === "" ? undefined : vr, false, signed)
      const width = littleEndian || vr === "UN" ? 1 : wordBytes(named)
      return [stretch(part10, offset, Math.min(length, fileBytes - offset), width)]
    }
  }
  throw absent(path)
}

/** All frames one behind the other, native little endian, as if the object were uncompressed. */
const nativePixels = (path: string): Pieces => {
  const part10 = openObject(path)
  const { pixelData, fileBytes } = part10
  if (pixelData?.length !== undefined && nativeByteOrder(part10.TransferSyntaxUID) !== undefined) {
    const available = Math.min(pixelData.length, fileBytes - pixelData.offset)
    return [stretch(part10, pixelData.offset, available, pixelWidth(part10))]
  }
  const { image } = openImage(path)
  const length = frameBytes(image)
  return Array.from({ length: image.NumberOfFrames }, (_, i) => ({ _tag: "Frame", frame: i + 1, offset: 0, length }))
}

/** The bytes of one bulk value, pixels uncompressed. Throws DecodeFailure (missing) when there is none under the path. */
export const bulkPieces = ({ path, element }: { readonly path: string; readonly element: string }): Pieces => {
  const part10 = openObject(path)
  return part10.pixelData?.tag === element ? nativePixels(path) : elementValue(part10, element)
}

export interface EncodedFrames {
  readonly TransferSyntaxUID: string
  /** Of each asked-for frame. */
  readonly frames: ReadonlyArray<Pieces>
}

/** Frames as they are stored, compressed; all of them when none is named. Throws DecodeFailure, `missing` past the end. */
export const encodedFrames = ({
  path,
  frames,
}: {
  readonly path: string
  readonly frames: ReadonlyArray<number> | undefined
}): EncodedFrames => {
  const part10 = openObject(path)
  const { dataset, TransferSyntaxUID, pixelData } = part10
  if (pixelData === undefined) throw new DecodeFailure("missing", "no pixel data")
  if (nativeByteOrder(TransferSyntaxUID) !== undefined)
    throw new DecodeFailure("unsupported", "frames are not compressed")
  const said = Number((dataset.string("x00280008") ?? "1").split("\\")[0] || 1)
  const NumberOfFrames = Number.isInteger(said) && said > 0 && said <= 1_000_000 ? said : 1
  const spans = encapsulatedFrames(part10, NumberOfFrames)
  const wanted = frames ?? Array.from({ length: spans.length }, (_, i) => i + 1)
  return {
    TransferSyntaxUID,
    frames: wanted.map((frame) => {
      const span = spans[frame - 1]
      if (span === undefined) throw new DecodeFailure("missing", `there is no frame ${frame}`)
      return span.map(({ offset, length }) => stretch(part10, offset, length, 1))
    }),
  }
}

/** Of objects whose map the ledger holds only in part. */
const wholeAttributes = (path: string) => attributesOf(openObject(path), { totalBytes: 2 ** 27 })

export interface DocumentJob {
  readonly path: string
  readonly syntax: DocumentSyntax
  /** The instance's address, below which its bulk data lies. */
  readonly instance: string
}

/** The whole attribute map as text in UTF-8. */
export const wholeDocument = ({ path, syntax, instance }: DocumentJob): Uint8Array =>
  new TextEncoder().encode(documentText(syntax, withAbsoluteLinks(wholeAttributes(path), instance)))

/** All references to bulk data, relative to the instance's address. */
export const wholeLinks = (path: string): ReadonlyArray<string> => bulkLinks(wholeAttributes(path))
