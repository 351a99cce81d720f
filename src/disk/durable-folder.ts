// A folder that is still there after a power cut: its entry is synced, and those of all folders made on the way to it.
import { mkdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { syncPath } from "./durable-files.ts"

/** For the owner only. Throws what the file system throws. */
export const makeDurableFolder = (path: string): void => {
  const target = resolve(path)
  const first = mkdirSync(target, { recursive: true, mode: 0o700 })
  const highest = dirname(first ?? target)
  for (let folder = dirname(target); ; folder = dirname(folder)) {
    try {
      syncPath(folder)
    } catch (cause) {
      // Made by an earlier process, which may have ended before it was synced, or by somebody whose folder is not ours to read.
      if (first === undefined && (cause as { readonly code?: unknown }).code === "EACCES") return
      throw cause
    }
    if (folder === highest) return
  }
}
