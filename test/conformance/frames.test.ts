// WADO-RS of frames (PS3.18 §10.4.1.1.6, §8.7.3.3): raw, as stored, and what is no frame, on one gateway.
import { assert, layer } from "@effect/vitest"
import { archive, colourFrame, compressed, ct, frame16, loop, mr, report } from "./archive.fixture.ts"
import { type Check, checks } from "./checks.fixture.ts"
import { type Answer, partsOf } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { type Place, ramp } from "./part10-files.fixture.ts"

const framesOf = (at: Place, list: string) =>
  `/studies/${at.StudyInstanceUID}/series/${at.SeriesInstanceUID}/instances/${at.SOPInstanceUID}/frames/${list}`
const octets = /^multipart\/related; ?type="application\/octet-stream"; ?boundary=\S+$/

/** Raw little endian frames; their part names no transfer syntax. */
const rawAre =
  (...frames: ReadonlyArray<Uint8Array>) =>
  (answer: Answer) => {
    const parts = partsOf(answer)
    assert.deepStrictEqual(
      parts.map(({ body }) => body.toString("hex")),
      frames.map((bytes) => Buffer.from(bytes).toString("hex")),
    )
    for (const { headers } of parts) assert.strictEqual(headers["Content-Type"], "application/octet-stream")
    assert.include(answer.body.toString("latin1", 0, 1000), "\r\nContent-Type: application/octet-stream\r\n")
  }
const raw = (
  name: string,
  at: Place,
  list: string,
  accept: string | undefined,
  ...frames: ReadonlyArray<Uint8Array>
): Check => ({
  name: `${name}, Accept: ${accept ?? "(none)"}`,
  path: framesOf(at, list),
  ...(accept === undefined ? {} : { headers: { accept } }),
  status: 200,
  type: octets,
  shows: rawAre(...frames),
})

const ctFrame = ramp(256, -99)
const cornerstone = "multipart/related; type=application/octet-stream; transfer-syntax=*"
const quoted = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
const plain = 'multipart/related; type="application/octet-stream"'
const python = 'multipart/related; type="*/*"'

const natively: ReadonlyArray<Check> = [
  ...[
    undefined,
    "*/*",
    plain,
    "multipart/related; type=application/octet-stream",
    cornerstone,
    quoted,
    python,
    "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
  ].map((accept) => raw("§8.7.3.3 a native frame", ct[0]!, "1", accept, ctFrame)),
  raw("PS3.5 §8.1.1 12 of 16 bits", mr[0]!, "1", undefined, ramp(64, 0, 10)),
  raw("§10.4.1.1.6 several frames", loop, "1,3", undefined, colourFrame(0), colourFrame(2)),
  raw("§10.4.1.1.6 in the order of the list", loop, "3,1,2", undefined, colourFrame(2), colourFrame(0), colourFrame(1)),
  raw("§10.4.1.1.6 a frame twice", loop, "2,2", undefined, colourFrame(1), colourFrame(1)),
  raw("RFC 3986 §2.4 the comma percent-encoded", loop, "1%2C2", undefined, colourFrame(0), colourFrame(1)),
]

const types = ["image/dicom-rle", "image/jls", "image/jp2", "image/jphc", "image/jpeg", "image/jpeg"]
const asStored: ReadonlyArray<Check> = compressed.flatMap((stored, i) => {
  const last = stored.fragments.length
  /** The codestream as it is stored, its padding aside. */
  const codestream = (type: string) => (answer: Answer) => {
    const [part] = partsOf(answer)
    const { fragments, TransferSyntaxUID } = stored
    assert.isTrue(part!.body.subarray(0, fragments[last - 1]!.length).equals(fragments[last - 1]!))
    assert.isAtMost(part!.body.length, fragments[last - 1]!.length + 1)
    assert.match(
      part!.headers["Content-Type"] ?? "",
      new RegExp(`^${type}; ?transfer-syntax="?${TransferSyntaxUID}"?$`),
    )
  }
  return [
    ...[cornerstone, quoted].map((accept): Check => ({
      name: `§8.7.3.3 ${stored.TransferSyntaxUID} as stored, Accept: ${accept}`,
      path: framesOf(stored, String(last)),
      headers: { accept },
      status: 200,
      type: octets,
      shows: codestream("application/octet-stream"),
    })),
    {
      name: `§8.7.3.3 ${stored.TransferSyntaxUID} as ${types[i]}`,
      path: framesOf(stored, String(last)),
      headers: { accept: `multipart/related; type="${types[i]}"` },
      status: 200,
      type: new RegExp(`^multipart/related; ?type="${types[i]}"; ?boundary=`),
      shows: codestream(types[i]!),
    },
    {
      name: `§8.7.3.3 ${stored.TransferSyntaxUID} as ${types[i]} with its transfer syntax named`,
      path: framesOf(stored, "1"),
      headers: { accept: `multipart/related; type="${types[i]}"; transfer-syntax=${stored.TransferSyntaxUID}` },
      status: 200,
    },
    {
      name: `§8.7.3.3 ${stored.TransferSyntaxUID} in what the Python client takes`,
      path: framesOf(stored, "1"),
      headers: { accept: python },
      status: 200,
      type: /^multipart\/related/,
    },
    ...(i < 5
      ? [
          raw(`§8.7.3.3 ${stored.TransferSyntaxUID} decoded`, stored, "1,3", plain, frame16(0), frame16(2)),
          raw(`§8.7.3.3 ${stored.TransferSyntaxUID} decoded`, stored, "2", undefined, frame16(1)),
        ]
      : []),
  ]
})

const [rle, jls] = compressed as [(typeof compressed)[0], (typeof compressed)[0]]
const refused: ReadonlyArray<Check> = [
  {
    name: "§8.7.5 RLE as JPEG-LS",
    path: framesOf(rle, "1"),
    headers: { accept: 'multipart/related; type="image/jls"' },
    status: 406,
  },
  {
    name: "§8.7.5 a native frame as JPEG 2000",
    path: framesOf(ct[0]!, "1"),
    headers: { accept: 'multipart/related; type="image/jp2"' },
    status: 406,
  },
  { name: "§8.7.5 a frame as text", path: framesOf(ct[0]!, "1"), headers: { accept: "text/html" }, status: 406 },
  {
    name: "§8.7.5 the first choice is impossible, the second is taken",
    path: framesOf(jls, "1"),
    headers: { accept: `multipart/related; type="image/jp2", ${plain};q=0.5` },
    status: 200,
    type: octets,
  },
  ...(
    [
      ["0", [400, 404]],
      ["-1", 400],
      ["abc", 400],
      ["1,x", 400],
      ["1,", 400],
      ["1.5", 400],
      ["4", 404],
      ["1,99", 404],
      ["99999999999999999999", [400, 404]],
    ] as const
  ).map(([list, status]): Check => ({ name: `§10.4.1.1.6 frame list ${list}`, path: framesOf(loop, list), status })),
  {
    name: "§10.4.1.1.6 an object without pixels has no frame",
    path: framesOf(report, "1"),
    status: [400, 404, 406, 409],
  },
]

layer(live(archive), { timeout: 60_000, excludeTestServices: true })("WADO-RS frames", (it) => {
  checks(it, [...natively, ...asStored, ...refused])
})
