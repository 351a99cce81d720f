// Transfer syntaxes as retrieval sees them: their media type for frames (PS3.18 §8.7.3.3), and which lose something.

export const explicitLittleEndian = "1.2.840.10008.1.2.1"
export const octets = "application/octet-stream"

const native = new Set([
  "1.2.840.10008.1.2",
  explicitLittleEndian,
  "1.2.840.10008.1.2.1.99",
  "1.2.840.10008.1.2.2",
  "1.2.840.113619.5.2",
])

export const isNative = (TransferSyntaxUID: string): boolean => native.has(TransferSyntaxUID)

interface Compressed {
  readonly type: string
  /** Decoding gives the samples that were encoded. */
  readonly lossless: boolean
  readonly decodable: boolean
}

const jpeg = "1.2.840.10008.1.2.4"
const row = (type: string, lossless: boolean, decodable = true): Compressed => ({ type, lossless, decodable })

const compressed: Readonly<Record<string, Compressed>> = {
  "1.2.840.10008.1.2.5": row("image/dicom-rle", true),
  "1.2.840.10008.1.2.8.1": row(octets, true),
  [`${jpeg}.50`]: row("image/jpeg", false),
  [`${jpeg}.51`]: row("image/jpeg", false),
  [`${jpeg}.57`]: row("image/jpeg", true),
  [`${jpeg}.70`]: row("image/jpeg", true),
  [`${jpeg}.80`]: row("image/jls", true),
  [`${jpeg}.81`]: row("image/jls", false),
  [`${jpeg}.90`]: row("image/jp2", true),
  [`${jpeg}.91`]: row("image/jp2", false),
  [`${jpeg}.92`]: row("image/jpx", true, false),
  [`${jpeg}.93`]: row("image/jpx", false, false),
  [`${jpeg}.100`]: row("video/mpeg", false, false),
  [`${jpeg}.101`]: row("video/mpeg", false, false),
  [`${jpeg}.102`]: row("video/mp4", false, false),
  [`${jpeg}.103`]: row("video/mp4", false, false),
  [`${jpeg}.104`]: row("video/mp4", false, false),
  [`${jpeg}.105`]: row("video/mp4", false, false),
  [`${jpeg}.106`]: row("video/mp4", false, false),
  [`${jpeg}.107`]: row("video/mp4", false, false),
  [`${jpeg}.108`]: row("video/mp4", false, false),
  [`${jpeg}.110`]: row("image/jxl", true, false),
  [`${jpeg}.111`]: row("image/jxl", false, false),
  [`${jpeg}.112`]: row("image/jxl", false, false),
  [`${jpeg}.201`]: row("image/jphc", true),
  [`${jpeg}.202`]: row("image/jphc", true),
  [`${jpeg}.203`]: row("image/jphc", false),
}

/** Names that the npm and Python dicomweb-clients still ask by. */
const formerNames: Readonly<Record<string, string>> = {
  "image/x-dicom-rle": "image/dicom-rle",
  "image/x-jls": "image/jls",
  "image/jhc": "image/jphc",
}

/** A media type by today's name. */
export const currentName = (type: string): string => formerNames[type] ?? type

/** Of a syntax that nobody has told us of, only the bytes are known. */
export const compressedType = (TransferSyntaxUID: string): Compressed =>
  compressed[TransferSyntaxUID] ?? row(octets, false, false)
