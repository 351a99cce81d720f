// The data folder belongs to one gateway at a time, however the last one went.
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { makeDurableFolder } from "../disk/durable-folder.ts"

export class DataFolderError extends Schema.TaggedError<DataFolderError>()("DataFolderError", {
  message: Schema.String,
}) {}

/**
 * Holds an SQLite exclusive lock for the life of the scope. The kernel drops it with the process, so a crash leaves no
 * stale lock behind, as a pid file would.
 */
export const lockDataFolder = (dir: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        makeDurableFolder(dir)
        const lock = new DatabaseSync(join(dir, "lock.db"))
        lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        return lock
      },
      catch: (cause) =>
        new DataFolderError({
          message: /locked/.test(String(cause))
            ? `${dir} is in use by another gateway`
            : `cannot use ${dir} as data folder: ${cause instanceof Error ? cause.message : String(cause)}`,
        }),
    }),
    (lock) => Effect.sync(() => lock.close()),
  )
