// A folder that is still there after a power cut: its entry is synced, and those of all folders made on the way to it.
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs"
import { dirname, resolve } from "node:path"

const syncFolder = (folder: string): void => {
  const descriptor = openSync(folder, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** For the owner only. Throws what the file system throws. */
export const makeDurableFolder = (path: string): void => {
  const target = resolve(path)
  const first = mkdirSync(target, { recursive: true, mode: 0o700 })
  const highest = dirname(first ?? target)
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    try {
      syncFolder(folder)
    } catch (cause) {
      // Made by an earlier process, which may have ended before it was synced, or by somebody whose folder is not ours to read.
      if (first === undefined && (cause as { readonly code?: unknown }).code === "EACCES") return
      throw cause
    }
    if (folder === highest) return
  }
}
