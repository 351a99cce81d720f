// A database that cannot be trusted any more is renamed, never removed: what it still holds may be wanted.
import { existsSync, renameSync } from "node:fs"
import { dirname } from "node:path"
import { syncPath } from "../disk/durable-files.ts"

/** `ledger.db` → `ledger.damaged-<time>.db`. */
export const asidePath = (path: string, time: string): string =>
  path.replace(/\.db$/, `.damaged-${time.replaceAll(/[:.]/g, "-")}.db`)

/** With its log, so that it can still be opened. Answers the new path. */
export const setAsideDatabase = (path: string, time: string): string => {
  const aside = asidePath(path, time)
  // The log first: without it the file would be taken for a whole, older one if this ends in between.
  for (const suffix of ["-wal", "-shm", ""])
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${aside}${suffix}`)
  if (existsSync(dirname(path))) syncPath(dirname(path))
  return aside
}
