// Bulk data parts of a store request (PS3.18 §8.7.3.3): one file for all of them, until the instances that name them are
// written. A request may have thousands of frames, and a file for each would hold as many descriptors.
import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { parseMediaType } from "../dicom/media-type.ts"
import type { Chunk } from "../dicom/write-data-set.ts"
import { BlobError, Blobs, type Draft } from "../ledger/Blobs.ts"
import { type BulkIndex, type BulkPart, reference } from "./bulk-index.ts"
import type { Part } from "./parts.ts"
import { beginsItem, endsSequence, jpegSyntax } from "./pixel-form.ts"
import { type ReceiveLimits, writePart } from "./receive.ts"

/** Codestreams say there what they are. */
const headBytes = 1024
const tailBytes = 8
const readBytes = 256 * 1024

async function* read(path: string, chunks: ReadonlyArray<Chunk>): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r")
  try {
    for (const chunk of chunks) {
      if (Buffer.isBuffer(chunk)) yield chunk
      else {
        for (let at = 0; at < chunk.length;) {
          const bytes = Buffer.allocUnsafe(Math.min(readBytes, chunk.length - at))
          const { bytesRead } = await file.read(bytes, 0, bytes.length, chunk.offset + at)
          if (bytesRead === 0) throw new Error("a bulk data part has gone")
          yield bytes.subarray(0, bytesRead)
          at += bytesRead
        }
      }
    }
  } finally {
    await file.close()
  }
}

/** For one request; `base` is what relative references are relative to. The file is gone with the scope. */
export const bulkParts = Effect.fnUntraced(function* (base: string, limits: ReceiveLimits) {
  const blobs = yield* Blobs
  const scope = yield* Effect.scope
  const byReference = new Map<string, Array<BulkPart>>()
  const frames = new Map<string, Array<BulkPart>>()
  let draft: Draft | undefined
  let written = 0

  const add = (map: Map<string, Array<BulkPart>>, key: string, part: BulkPart) => {
    const parts = map.get(key)
    if (parts === undefined) map.set(key, [part])
    else parts.push(part)
  }

  const take = Effect.fnUntraced(function* (part: Part) {
    const file = (draft ??= yield* Effect.provideService(blobs.draft, Scope.Scope, scope))
    let head = Buffer.alloc(0)
    let tail = Buffer.alloc(0)
    const body = Stream.map(part.body, (chunk) => {
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)])
      tail = Buffer.concat([tail, chunk.subarray(-tailBytes)]).subarray(-tailBytes)
      return chunk
    })
    const length = yield* writePart({ ...part, body }, file, limits)
    const mediaType = parseMediaType(part.headers.get("content-type") ?? "application/octet-stream")
    const bulk: BulkPart = {
      offset: written,
      length,
      type: mediaType.type,
      syntax: mediaType.parameters.get("transfer-syntax"),
      jpegSyntax: mediaType.type === "image/jpeg" ? jpegSyntax(head) : undefined,
      beginsItem: beginsItem(head),
      endsSequence: endsSequence(tail),
    }
    written += length
    const location = part.headers.get("content-location")
    if (location !== undefined) {
      const key = reference(location, base)
      add(byReference, key, bulk)
      const value = /^(.*)\/frames\/[0-9]+$/.exec(key)?.[1]
      if (value !== undefined) add(frames, value, bulk)
    }
    const id = /^<?([^<>]*)>?$/.exec(part.headers.get("content-id") ?? "")?.[1] ?? ""
    if (id !== "") add(byReference, `cid:${id}`, bulk)
  })

  return {
    take,
    index: { base, byReference, frames } satisfies BulkIndex,
    /** The chunks' bytes, as many as are asked for. */
    read: (chunks: ReadonlyArray<Chunk>): Stream.Stream<Uint8Array, BlobError> =>
      chunks.every((chunk) => Buffer.isBuffer(chunk))
        ? Stream.fromIterable(chunks)
        : Stream.unwrap(
            Effect.map(draft?.asFile ?? Effect.succeed(""), (path) =>
              Stream.fromAsyncIterable(read(path, chunks), (cause) => new BlobError({ reason: "io", cause })),
            ),
          ),
  }
})
