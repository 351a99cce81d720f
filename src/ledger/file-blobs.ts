// Blobs as files: `blobs/ab/<digest>`, drafts in `blobs/incoming/` until their digest is known.
import { createReadStream, mkdirSync, statfsSync, statSync } from "node:fs"
import { mkdir, opendir, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Digest } from "../domain/instance.ts"
import { HeldBytes } from "../workers/held-bytes.ts"
import { makePool } from "../workers/pool.ts"
import { blobError, codeOf, file } from "./blob-error.ts"
import { Blobs, type BlobError } from "./Blobs.ts"
import { gone, makeFileDraft } from "./file-draft.ts"
import { makeFolderSync } from "./folder-sync.ts"
import { makeDraft } from "./memory-draft.ts"
import { makeSlots } from "./memory-slots.ts"
import { makePins } from "./pins.ts"

/** First two digits of a digest: the folder it is in. */
const prefixes = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"))

export interface FileBlobsOptions {
  readonly dir: string
  /** Folders that are written to as well, perhaps on other disks: none of these may be full either. */
  readonly alongside?: ReadonlyArray<string>
}

const isDigest = Schema.is(Digest)

/** A CT slice fits; what is larger is written while it comes. */
const slots = { count: 64, bytes: 2 ** 20 }
/** Threads that write blobs: most of their time they wait for the disk, which serves several better than one. */
const threads = 6

async function* digests(root: string): AsyncGenerator<Digest> {
  for await (const folder of await opendir(root)) {
    if (!folder.isDirectory() || folder.name.length !== 2) continue
    for await (const entry of await opendir(join(root, folder.name))) if (isDigest(entry.name)) yield entry.name
  }
}

/** Those of the folders that are on other disks than the first. */
const otherDisks = (first: string, folders: ReadonlyArray<string>): ReadonlyArray<string> =>
  folders.filter((folder) => {
    const found = statSync(folder, { throwIfNoEntry: false })
    return found !== undefined && found.dev !== statSync(first).dev
  })

const freeOn = (folder: string): number => {
  const disk = statfsSync(folder)
  return disk.bavail * disk.bsize
}

const make = Effect.fnUntraced(function* ({ dir, alongside = [] }: FileBlobsOptions) {
  const root = join(dir, "blobs")
  const incoming = join(root, "incoming")
  const folders = yield* Effect.acquireRelease(Effect.sync(makeFolderSync), (sync) => Effect.promise(sync.close))
  // Nothing in there was ever promised: drafts of a process that is gone.
  yield* file(async () => {
    await rm(incoming, { recursive: true, force: true })
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    // All at once and once only: no commit has to ask whether its folder's own entry is durable.
    for (const prefix of prefixes) mkdirSync(join(root, prefix), { recursive: true, mode: 0o700 })
    await folders.sync(dir)
    await folders.sync(root)
  })
  const path = (digest: Digest) => join(root, digest.slice(0, 2), digest)
  const pins = yield* makePins
  const pool = yield* makePool({ filename: new URL("place-blob.ts", import.meta.url), threads, startThreads: 1 })
  const disks = [root, ...otherDisks(root, alongside)]
  const memory = makeSlots(slots)
  const holding = yield* HeldBytes
  holding.set("received parts", {
    budget: slots.count * slots.bytes,
    held: () => memory.taken() * slots.bytes,
  })
  const draft = makeDraft({
    root,
    pool,
    slots: memory,
    pins,
    fileDraft: makeFileDraft({ root, path, folders, pins }),
  })

  return Blobs.of({
    draft,
    path,
    read: (digest, range) =>
      range !== undefined && range.length <= 0
        ? Stream.empty
        : Stream.suspend(() =>
            Stream.fromAsyncIterable<Uint8Array, BlobError>(
              createReadStream(
                path(digest),
                range === undefined ? {} : { start: range.offset, end: range.offset + range.length - 1 },
              ),
              blobError,
            ),
          ),
    remove: (digest, isNamed) =>
      pins.remove(
        digest,
        isNamed,
        file(async () => {
          await gone(path(digest))
          await gone(join(root, "damaged", digest))
        }),
      ),
    isPinned: (digest) => Effect.sync(() => pins.isPinned(digest)),
    size: (digest) =>
      file(() =>
        stat(path(digest)).then(
          ({ size }) => size,
          (cause: unknown) => {
            if (codeOf(cause) === "ENOENT") return undefined
            throw cause
          },
        ),
      ),
    setAside: (digest) =>
      pins.unlessPinned(
        digest,
        file(async () => {
          await mkdir(join(root, "damaged"), { recursive: true, mode: 0o700 })
          try {
            await rename(path(digest), join(root, "damaged", digest))
            return true
          } catch (cause) {
            if (codeOf(cause) === "ENOENT") return false
            throw cause
          }
        }),
      ),
    list: Stream.suspend(() => Stream.fromAsyncIterable(digests(root), blobError)),
    // At once: the way to a file system thread and back takes far longer than the answer.
    free: Effect.try({
      try: () => Math.min(...disks.map(freeOn)),
      catch: blobError,
    }),
  })
})

/** Files below `dir`; leftover drafts of an earlier process are removed at start. */
export const layer = (options: FileBlobsOptions) => Layer.effect(Blobs, make(options))
