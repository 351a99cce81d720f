// Worker module: a whole blob from shared memory to its durable place, in one task with nothing but plain calls.
import { hash } from "node:crypto"
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import { threadId } from "node:worker_threads"

export interface PlaceJob {
  readonly memory: SharedArrayBuffer
  readonly bytes: number
  readonly root: string
}

/** Failures travel as values: an Error loses its code between threads. */
export type Placed = { readonly digest: string } | { readonly code: string; readonly message: string }

let drafts = 0

const syncFolder = (folder: string) => {
  const descriptor = openSync(folder, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const writeAll = (name: string, bytes: Uint8Array) => {
  const descriptor = openSync(name, "wx", 0o600)
  try {
    let written = 0
    while (written < bytes.length) {
      const count = writeSync(descriptor, bytes, written)
      // Less than all of it without an error: the disk is full to the byte.
      if (count === 0) throw Object.assign(new Error("short write"), { code: "ENOSPC" })
      written += count
    }
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export const place = ({ memory, bytes, root }: PlaceJob): Placed => {
  const view = new Uint8Array(memory, 0, bytes)
  const digest = hash("sha256", view, "hex")
  const folder = join(root, digest.slice(0, 2))
  const draft = join(root, "incoming", `${threadId}-${drafts++}`)
  try {
    writeAll(draft, view)
    // What may stand there has the same bytes; these are on the disk already, so that no moment is without them.
    renameSync(draft, join(folder, digest))
    syncFolder(folder)
    return { digest }
  } catch (cause) {
    rmSync(draft, { force: true })
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    return { code, message: cause instanceof Error ? cause.message : String(cause) }
  }
}
