// A blob under construction as a file, for what is too large for memory.
import { createHash, randomUUID } from "node:crypto"
import { link, open, unlink } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { Digest } from "../domain/instance.ts"
import { codeOf, file } from "./blob-error.ts"
import type { Draft } from "./Blobs.ts"
import type { FolderSync } from "./folder-sync.ts"
import type { Pins } from "./pins.ts"

/** Bytes of a draft in memory before they are written. */
const gatherBytes = 512 * 1024

export const gone = (name: string) =>
  unlink(name).catch((cause: unknown) => {
    if (codeOf(cause) !== "ENOENT") throw cause
  })

export interface Place {
  readonly root: string
  readonly path: (digest: Digest) => string
  readonly folders: FolderSync
  readonly pins: Pins
}

export const makeFileDraft = ({ root, path, folders, pins }: Place) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const name = join(root, "incoming", randomUUID())
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
        // A link, unlike a rename, never replaces what stands there.
        await link(name, path(digest)).catch((cause: unknown) => {
          if (codeOf(cause) !== "EEXIST") throw cause
        })
        // Also when it stood there: its own commit may still be waiting for the disk.
        await folders.sync(folder)
        return { digest, bytes }
      })
      return flush.pipe(Effect.andThen(Scope.provide(pins.pin(digest), scope)), Effect.andThen(place))
    })
    const asFile = Effect.as(flush, name)
    return { write, content: Effect.map(asFile, (path) => ({ path })), asFile, commit } satisfies Draft
  })
