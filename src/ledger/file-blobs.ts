// Blobs as files: `blobs/ab/<digest>`, drafts in `blobs/incoming/` until their digest is known.
import { createHash, randomUUID } from "node:crypto"
import { createReadStream } from "node:fs"
import { link, mkdir, open, opendir, rm, statfs, unlink } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { Digest } from "../domain/instance.ts"
import { BlobError, Blobs, type Draft } from "./Blobs.ts"
import { makeFolderSync } from "./folder-sync.ts"

const isDigest = Schema.is(Digest)

/** Bytes of a draft in memory before they are written. */
const gatherBytes = 512 * 1024

const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

const blobError = (cause: unknown): BlobError => {
  const code = codeOf(cause)
  const reason =
    code === "ENOSPC" || code === "EDQUOT" ? ("disk-full" as const) : code === "ENOENT" ? ("missing" as const) : "io"
  return new BlobError({ reason, cause })
}

const gone = (name: string) =>
  unlink(name).catch((cause: unknown) => {
    if (codeOf(cause) !== "ENOENT") throw cause
  })

/** File work is never cut in half: an interrupted caller waits for the call in hand. */
const file = <A>(work: () => Promise<A>) => Effect.uninterruptible(Effect.tryPromise({ try: work, catch: blobError }))

async function* digests(root: string): AsyncGenerator<Digest> {
  for await (const folder of await opendir(root)) {
    if (!folder.isDirectory() || folder.name.length !== 2) continue
    for await (const entry of await opendir(join(root, folder.name))) if (isDigest(entry.name)) yield entry.name
  }
}

const make = Effect.fnUntraced(function* (dir: string) {
  const root = join(dir, "blobs")
  const incoming = join(root, "incoming")
  const folders = yield* Effect.acquireRelease(Effect.sync(makeFolderSync), (sync) => Effect.promise(sync.close))
  // Nothing in there was ever promised: drafts of a process that is gone.
  yield* file(async () => {
    await rm(incoming, { recursive: true, force: true })
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    await folders.sync(dir)
    await folders.sync(root)
  })
  const path = (digest: Digest) => join(root, digest.slice(0, 2), digest)
  // Content that a draft has committed and the ledger may not know yet. Removal and pinning exclude each other, so that
  // the delete of one copy cannot take the file from under the same bytes sent again.
  const pins = new Map<Digest, number>()
  const removal = yield* Semaphore.make(1)
  const pin = (digest: Digest) =>
    Effect.acquireRelease(removal.withPermit(Effect.sync(() => pins.set(digest, (pins.get(digest) ?? 0) + 1))), () =>
      Effect.sync(() => {
        const left = (pins.get(digest) ?? 1) - 1
        if (left === 0) pins.delete(digest)
        else pins.set(digest, left)
      }),
    )

  const draft = Effect.gen(function* () {
    const scope = yield* Effect.scope
    const name = join(incoming, randomUUID())
    const handle = yield* Effect.acquireRelease(
      file(() => open(name, "wx", 0o600)),
      (handle) => Effect.promise(() => handle.close().finally(() => gone(name))).pipe(Effect.ignoreCause),
    )
    const hash = createHash("sha256")
    let bytes = 0
    // A body comes in pieces of 16 to 64 KiB; each write is a round trip to a file system thread.
    let gathered: Array<Uint8Array> = []
    let gatheredBytes = 0
    const flush = file(async () => {
      if (gatheredBytes === 0) return
      const pieces = gathered
      const expected = gatheredBytes
      gathered = []
      gatheredBytes = 0
      const { bytesWritten } = await handle.writev(pieces)
      // Less than all of it without an error: the disk is full to the byte.
      if (bytesWritten !== expected) throw Object.assign(new Error("short write"), { code: "ENOSPC" })
    })
    const write: Draft["write"] = (chunk) =>
      Effect.suspend(() => {
        hash.update(chunk)
        bytes += chunk.length
        gathered.push(chunk)
        gatheredBytes += chunk.length
        return gatheredBytes >= gatherBytes ? flush : Effect.void
      })
    const commit = Effect.suspend(() => {
      const digest = Digest.make(hash.copy().digest("hex"))
      const place = file(async () => {
        await handle.sync()
        const folder = join(root, digest.slice(0, 2))
        if (!folders.isAnchored(folder)) await mkdir(folder, { recursive: true, mode: 0o700 })
        // A link, unlike a rename, never replaces what stands there.
        await link(name, path(digest)).catch((cause: unknown) => {
          if (codeOf(cause) !== "EEXIST") throw cause
        })
        // Also when it stood there: its own commit may still be waiting for the disk.
        await folders.commit(folder, root)
        return { digest, bytes }
      })
      return flush.pipe(Effect.andThen(Scope.provide(pin(digest), scope)), Effect.andThen(place))
    })
    return { write, flush, commit, path: name } satisfies Draft
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
      removal.withPermit(
        Effect.gen(function* () {
          if (pins.has(digest) || (yield* isNamed)) return false
          yield* file(() => gone(path(digest)))
          return true
        }),
      ),
    list: Stream.suspend(() => Stream.fromAsyncIterable(digests(root), blobError)),
    free: file(async () => {
      const disk = await statfs(root)
      return disk.bavail * disk.bsize
    }),
  })
})

/** Files below `dir`; leftover drafts of an earlier process are removed at start. */
export const layer = (options: { readonly dir: string }) => Layer.effect(Blobs, make(options.dir))
