// What the disk alone gives: the same bytes in the same groups, written, synced and renamed, their folder synced; no server.
import { mkdirSync } from "node:fs"
import { type FileHandle, open, rename } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"

/** Writes all groups with so many writers at a time. */
export const writeDurably = (dir: string, groups: ReadonlyArray<ReadonlyArray<Buffer>>, writers: number) =>
  Effect.tryPromise(async () => {
    const incoming = join(dir, "incoming")
    const kept = join(dir, "kept")
    for (const folder of [incoming, kept]) mkdirSync(folder, { recursive: true })
    const folder = await open(kept, "r")
    let names = 0
    const place = async (bytes: Buffer) => {
      const name = String(names++)
      const file: FileHandle = await open(join(incoming, name), "wx", 0o600)
      await file.writeFile(bytes)
      await file.sync()
      await file.close()
      await rename(join(incoming, name), join(kept, name))
    }
    const waiting = groups.values()
    const run = async () => {
      for (const group of waiting) {
        await Promise.all(group.map(place))
        await folder.sync()
      }
    }
    await Promise.all(Array.from({ length: writers }, run))
    await folder.close()
  })
