// Where the bulk data parts of a store request lie, by the references under which metadata names them. Plain data: it goes
// to worker threads.
import type { Span } from "../dicom/write-data-set.ts"

export interface BulkPart extends Span {
  readonly type: string
  /** The media type's transfer-syntax parameter. */
  readonly syntax: string | undefined
  /** What a JPEG says of itself. */
  readonly jpegSyntax: string | undefined
  /** It begins with an item, and ends with a sequence delimiter: a whole value as it lies in a file. */
  readonly beginsItem: boolean
  readonly endsSequence: boolean
}

export interface BulkIndex {
  /** Relative references are relative to it. */
  readonly base: string
  readonly byReference: ReadonlyMap<string, ReadonlyArray<BulkPart>>
  /** Parts that are frames, by what their references have before `/frames/1`. */
  readonly frames: ReadonlyMap<string, ReadonlyArray<BulkPart>>
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** References are only compared, never fetched. */
export const reference = (uri: string, base: string): string =>
  uri.toLowerCase().startsWith("cid:") ? `cid:${decoded(uri.slice(4))}` : (URL.parse(uri, base)?.href ?? uri)

/** Several under one reference are a value in pieces, such as frames; none when nothing came for it. */
export const bulkAt = ({ base, byReference, frames }: BulkIndex, uri: string): ReadonlyArray<BulkPart> => {
  const key = reference(uri, base)
  return byReference.get(key) ?? frames.get(key) ?? []
}
