// Folder entries made durable, one fsync for all who wait on the same folder.
import { type FileHandle, open } from "node:fs/promises"

export const makeFolderSync = () => {
  // A few hundred folders at the most: kept open, since each commit syncs one.
  const handles = new Map<string, Promise<FileHandle>>()
  const fsync = async (folder: string): Promise<void> => {
    const opened = handles.get(folder) ?? open(folder, "r")
    handles.set(folder, opened)
    try {
      await (await opened).sync()
    } catch (cause) {
      handles.delete(folder)
      throw cause
    }
  }
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()

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
    close: async (): Promise<void> => {
      const open = await Promise.allSettled(handles.values())
      handles.clear()
      await Promise.allSettled(open.map((handle) => (handle.status === "fulfilled" ? handle.value.close() : undefined)))
    },
  }
}

export type FolderSync = ReturnType<typeof makeFolderSync>
