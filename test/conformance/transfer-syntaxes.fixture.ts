// What a live server does with each transfer syntax, found out by storing, reading and rendering files of it.
import * as Effect from "effect/Effect"
import { loadCodecs } from "../../src/decode/codec.ts"
import { parsePart10, readPart10Bytes } from "../../src/dicom/part10.ts"
import { dicomwebServer, get, partsOf, storeFiles } from "../dicomweb/dicomweb-server.fixture.ts"
import { table } from "../statement/generated-block.ts"
import { encodedFiles, type EncodedFile } from "./encoded-files.fixture.ts"

const explicit = "1.2.840.10008.1.2.1"

const names: Readonly<Record<string, string>> = {
  "1.2.840.10008.1.2": "Implicit VR Little Endian",
  "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
  "1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian",
  "1.2.840.10008.1.2.2": "Explicit VR Big Endian",
  "1.2.840.10008.1.2.5": "RLE Lossless",
  "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
  "1.2.840.10008.1.2.4.50": "JPEG Baseline",
  "1.2.840.10008.1.2.4.51": "JPEG Extended",
  "1.2.840.10008.1.2.4.57": "JPEG Lossless",
  "1.2.840.10008.1.2.4.70": "JPEG Lossless SV1",
  "1.2.840.10008.1.2.4.80": "JPEG-LS Lossless",
  "1.2.840.10008.1.2.4.81": "JPEG-LS Near-Lossless",
  "1.2.840.10008.1.2.4.90": "JPEG 2000 Lossless",
  "1.2.840.10008.1.2.4.91": "JPEG 2000",
  "1.2.840.10008.1.2.4.92": "JPEG 2000 Part 2 Lossless",
  "1.2.840.10008.1.2.4.93": "JPEG 2000 Part 2",
  "1.2.840.10008.1.2.4.100": "MPEG2 Main Profile, Main Level",
  "1.2.840.10008.1.2.4.101": "MPEG2 Main Profile, High Level",
  "1.2.840.10008.1.2.4.102": "MPEG-4 AVC/H.264 High Profile",
  "1.2.840.10008.1.2.4.103": "MPEG-4 AVC/H.264 BD-compatible",
  "1.2.840.10008.1.2.4.104": "MPEG-4 AVC/H.264 for 2D video",
  "1.2.840.10008.1.2.4.105": "MPEG-4 AVC/H.264 for 3D video",
  "1.2.840.10008.1.2.4.106": "MPEG-4 AVC/H.264 Stereo",
  "1.2.840.10008.1.2.4.107": "HEVC/H.265 Main Profile",
  "1.2.840.10008.1.2.4.108": "HEVC/H.265 Main 10 Profile",
  "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
  "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
  "1.2.840.10008.1.2.4.112": "JPEG XL",
  "1.2.840.10008.1.2.4.201": "HTJ2K Lossless",
  "1.2.840.10008.1.2.4.202": "HTJ2K Lossless RPCL",
  "1.2.840.10008.1.2.4.203": "HTJ2K",
}

export interface Finding {
  readonly TransferSyntaxUID: string
  readonly source: string
  readonly stored: boolean
  /** As stored, byte for byte. */
  readonly returned: boolean
  readonly decoded: "no" | "exact" | "near" | "yes"
  readonly transcoded: boolean
  readonly byDefault: string
  readonly rendered: boolean
}

/** Mean difference of lossy samples, as a share of their range. */
const tolerance = 0.02

const compare = (got: Buffer, { samples, lossy }: EncodedFile): Finding["decoded"] => {
  if (samples === undefined) return "yes"
  if (got.equals(samples)) return "exact"
  if (lossy !== true || got.length !== samples.length) return "no"
  const wide = samples.length > 256 * 256
  const at = (bytes: Buffer, i: number) => (wide ? bytes.readInt16LE(i * 2) : bytes[i]!)
  const count = samples.length / (wide ? 2 : 1)
  let [sum, most] = [0, 1]
  for (let i = 0; i < count; i++) {
    sum += Math.abs(at(got, i) - at(samples, i))
    most = Math.max(most, at(samples, i))
  }
  return sum / count < most * tolerance ? "near" : "no"
}

const tryOne = async (base: string, one: EncodedFile): Promise<Finding> => {
  const { TransferSyntaxUID, source, file } = one
  const [link] = await storeFiles(base, [file]).catch(() => [])
  if (link === undefined) {
    const nothing = { returned: false, decoded: "no", transcoded: false, byDefault: "", rendered: false } as const
    return { TransferSyntaxUID, source, stored: false, ...nothing }
  }
  const bytes = async (accept: string, address = link) => {
    const response = await get(address, accept)
    return response.status === 200 ? Buffer.from(await response.arrayBuffer()) : undefined
  }
  const frame = await bytes("application/octet-stream", `${link}/frames/1`)
  const converted = await bytes(`application/dicom; transfer-syntax=${explicit}`)
  const opened = converted === undefined ? undefined : parsePart10(converted)
  const [part] = await partsOf(await get(link))
  const picture = await bytes("image/jpeg", `${link}/rendered`)
  return {
    TransferSyntaxUID,
    source,
    stored: true,
    returned: (await bytes("application/dicom; transfer-syntax=*"))?.equals(file) ?? false,
    decoded: frame === undefined ? "no" : compare(frame, one),
    transcoded:
      opened?.TransferSyntaxUID === explicit &&
      frame !== undefined &&
      readPart10Bytes(opened, opened.pixelData?.offset ?? 0, frame.length).equals(frame),
    byDefault: /transfer-syntax=([0-9.]+)/.exec(part?.headers.get("content-type") ?? "")?.[1] ?? "",
    rendered: picture?.readUInt16BE(0) === 0xffd8,
  }
}

/** Starts a server of its own. */
export const findings: Effect.Effect<ReadonlyArray<Finding>> = Effect.gen(function* () {
  const base = yield* dicomwebServer
  return yield* Effect.promise(async () => {
    await loadCodecs()
    const found: Array<Finding> = []
    for (const one of encodedFiles()) found.push(await tryOne(base, one))
    return found
  })
}).pipe(Effect.scoped, Effect.orDie)

const yes = (value: boolean) => (value ? "yes" : "no")

/** One row a syntax: what holds for all files of it. */
export const matrix = (found: ReadonlyArray<Finding>): string =>
  table(
    [
      "Transfer syntax",
      "UID",
      "Stored, returned as stored",
      "Frames decoded",
      "To Explicit VR LE",
      "Sent by default as",
      "Rendered",
      "Tried with",
    ],
    [...Map.groupBy(found, ({ TransferSyntaxUID }) => TransferSyntaxUID)].map(([uid, files]) => {
      const decoded = new Set(files.map((one) => one.decoded))
      return [
        names[uid] ?? "?",
        uid,
        yes(files.every(({ stored, returned }) => stored && returned)),
        decoded.has("no") ? "no" : decoded.has("near") ? "yes, lossy" : "yes",
        yes(files.every(({ transcoded }) => transcoded)),
        files.every(({ byDefault }) => byDefault === explicit) ? "Explicit VR LE" : "as stored",
        yes(files.every(({ rendered }) => rendered)),
        files.map(({ source }) => source).join(", "),
      ]
    }),
  )
