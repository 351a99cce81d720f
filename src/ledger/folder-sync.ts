// Folder entries made durable, one fsync for all who wait on the same folder.
import { open } from "node:fs/promises"

const fsync = async (folder: string): Promise<void> => {
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const makeFolderSync = () => {
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()
  /** Folders whose own entry in the parent is known durable. */
  const anchored = new Set<string>()

  const start = (folder: string): Promise<void> => {
    const sync = fsync(folder).finally(() => running.delete(folder))
    running.set(folder, sync)
    return sync
  }

  /** Covers every entry made before the call: a sync already under way does not count, the next one does. */
  const sync = (folder: string): Promise<void> => {
    const current = running.get(folder)
    if (current === undefined) return start(folder)
    const known = waiting.get(folder)
    if (known !== undefined) return known
    const again = () => {
      waiting.delete(folder)
      return start(folder)
    }
    const next = current.then(again, again)
    waiting.set(folder, next)
    return next
  }

  return {
    sync,
    forget: (folder: string) => anchored.delete(folder),
    /** Syncs the folder, and its parent until that once succeeded. */
    commit: async (folder: string, parent: string): Promise<void> => {
      await sync(folder)
      if (anchored.has(folder)) return
      await sync(parent)
      anchored.add(folder)
    },
  }
}
