// Files whose name is there only once their content is on the disk.
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

/** A file or a folder. */
export const syncPath = (path: string): void => {
  const file = openSync(path, "r")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Renames what is complete at `part` into place, durably. */
export const publishFile = (part: string, path: string): void => {
  syncPath(part)
  renameSync(part, path)
  syncPath(dirname(path))
}

export const writeDurably = (path: string, text: string): void => {
  writeFileSync(`${path}.part`, text, { mode: 0o600 })
  publishFile(`${path}.part`, path)
}
