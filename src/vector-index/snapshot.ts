// Snapshots of the index on disk: a usearch file, and beside it what it stands for. Renaming the latter is the commit.
import { createHash } from "node:crypto"
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs"
import { open, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"

/** 2: removed vectors are overwritten in it. */
const format = 2
const manifest = "snapshot.json"
const graphFile = /^graph-\d+(-[0-9a-f]{8}\.usearch|\.part)$/

/** What a saved index stands for: voting slices of the journal up to `cursor`, less those removed up to `removedUpTo`. */
export interface Saved {
  readonly modelId: string
  readonly dimension: number
  readonly cursor: number
  readonly size: number
  /** Slices the index lost since it was built. */
  readonly removed: number
  readonly fillers: number
  readonly removedUpTo: number
  readonly change: number
}

/** Where usearch writes, before the snapshot counts. */
export const partPath = (folder: string, change: number): string => join(folder, `graph-${change}.part`)

const synced = async (path: string, text?: string): Promise<void> => {
  const file = await open(path, text === undefined ? "r" : "w")
  try {
    if (text !== undefined) await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the file at `partPath` the snapshot, durably, and removes earlier ones. */
export const publishSnapshot = async (folder: string, saved: Saved): Promise<void> => {
  const part = partPath(folder, saved.change)
  await synced(part)
  const hash = createHash("sha256")
  await pipeline(createReadStream(part, { highWaterMark: 1 << 20 }), hash)
  const sha256 = hash.digest("hex")
  // Never the name of the snapshot that still counts, unless it is the same file.
  const file = `graph-${saved.change}-${sha256.slice(0, 8)}.usearch`
  await rename(part, join(folder, file))
  await synced(folder)
  const target = join(folder, manifest)
  await synced(`${target}.part`, JSON.stringify({ format, ...saved, file, sha256 }))
  await rename(`${target}.part`, target)
  await synced(folder)
  const stale = snapshotFiles(folder).filter((name) => name !== file)
  await Promise.all(stale.map((name) => rm(join(folder, name), { force: true })))
  await synced(folder)
}

/** Files of snapshots in a folder, those that count and those that do not. */
export const snapshotFiles = (folder: string): ReadonlyArray<string> =>
  existsSync(folder) ? readdirSync(folder).filter((name) => graphFile.test(name)) : []

/** Snapshots that are not the one of this `change`. */
export const strangeSnapshots = (folder: string, change: number): ReadonlyArray<string> => {
  const path = join(folder, manifest)
  const text = existsSync(path) ? readFileSync(path, "utf8") : "{}"
  const ours = text.includes(`"change":${change},`) ? text : ""
  return snapshotFiles(folder).filter((name) => !name.endsWith(".part") && !ours.includes(`"${name}"`))
}

/** No snapshot any more, durably: first nothing counts, then the files go. */
export const removeSnapshots = (folder: string): void => {
  rmSync(join(folder, manifest), { force: true })
  for (const name of snapshotFiles(folder)) rmSync(join(folder, name), { force: true })
  const descriptor = openSync(folder, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** In pieces: a file of more than 2 GiB cannot be read at once. */
const sha256Of = (path: string): string => {
  const hash = createHash("sha256")
  const piece = Buffer.allocUnsafe(1 << 20)
  const file = openSync(path, "r")
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read))
    return hash.digest("hex")
  } finally {
    closeSync(file)
  }
}

/** The snapshot in a folder, checksum verified; undefined when there is none. Throws on anything that is wrong with it. */
export const findSnapshot = (
  folder: string,
  expected: Pick<Saved, "modelId" | "dimension">,
): (Saved & { readonly path: string }) | undefined => {
  const path = join(folder, manifest)
  if (!existsSync(path)) return undefined
  const found = JSON.parse(readFileSync(path, "utf8")) as Partial<Saved & Record<"format" | "file" | "sha256", unknown>>
  const { modelId, dimension, cursor, size, removed, fillers, removedUpTo, change, file, sha256 } = found ?? {}
  const whole = [cursor, size, removed, fillers, removedUpTo, change].every(Number.isSafeInteger)
  if (found?.format !== format || !whole || typeof file !== "string" || !graphFile.test(file))
    throw new Error("the manifest is not one of this format")
  if (modelId !== expected.modelId || dimension !== expected.dimension)
    throw new Error("the manifest names another model")
  const graph = join(folder, file)
  if (sha256Of(graph) !== sha256) throw new Error("the checksum differs")
  return { ...(found as Saved), path: graph }
}

/** What is there counts no more; its file goes with the next snapshot. */
export const dropSnapshot = (folder: string): void => rmSync(join(folder, manifest), { force: true })
