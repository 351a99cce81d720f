// What a disk may hold after the power was cut: all that was synced, and of the rest whatever luck decides.
import { randomOf } from "../../../src/phantom/random.ts"
import { type Disk, type Entry, type File, type Folder, type Node, type Patch, patched } from "./disk.ts"

/** Decides for one file or folder, the same whenever it is asked. */
export interface Luck {
  readonly name: string
  readonly of: (node: Node) => {
    readonly survives: () => boolean
    /** Parts of a write that reach the disk, from and to. */
    readonly torn: (length: number) => ReadonlyArray<readonly [number, number]>
  }
}

const whole = (length: number) => [[0, length]] as const
const always = (name: string, survives: (node: Node) => boolean): Luck => ({
  name,
  of: (node) => ({ survives: () => survives(node), torn: whole }),
})

/** The four extremes: every file system is somewhere between them. */
export const extremes: ReadonlyArray<Luck> = [
  always("nothing unsynced", () => false),
  always("everything", () => true),
  always("names without data", ({ _tag }) => _tag === "Folder"),
  always("data without names", ({ _tag }) => _tag === "File"),
]

const sector = 512

/** Each unsynced change on its own; half of the writes that survive do so in part, sector by sector or cut somewhere. */
export const drawn = (seed: number): Luck => ({
  name: `seed ${seed}`,
  of: ({ id }) => {
    const random = randomOf(seed ^ Math.imul(id + 1, 0x9e3779b1))
    const chance = [0.1, 0.5, 0.9][Math.floor(random() * 3)] ?? 0.5
    return {
      survives: () => random() < chance,
      torn: (length) => {
        const draw = random()
        if (draw < 0.5) return whole(length)
        if (draw < 0.75) return [[0, Math.floor(random() * length)]]
        return Array.from({ length: Math.ceil(length / sector) }, (_, n) => n * sector).flatMap((from) =>
          random() < 0.5 ? [[from, Math.min(from + sector, length)] as const] : [],
        )
      },
    }
  },
})

const contentOf = (file: File, luck: Luck): Buffer => {
  if (file.waiting.length === 0) return file.synced
  const { survives, torn } = luck.of(file)
  type Part = Pick<Patch, "offset" | "bytes">
  const kept = file.waiting.flatMap(({ offset, bytes }): ReadonlyArray<Part> => {
    if (!survives()) return []
    return bytes === undefined
      ? [{ offset, bytes }]
      : torn(bytes.length).map(([from, to]) => ({ offset: offset + from, bytes: bytes.subarray(from, to) }))
  })
  if (kept.length === 0) return file.synced
  const copy = Buffer.alloc(file.synced.length)
  file.synced.copy(copy)
  return kept.reduce<Buffer>(patched, copy)
}

const entriesOf = (folder: Folder, luck: Luck): ReadonlyMap<string, Node> => {
  if (folder.waiting.length === 0) return folder.synced
  const { survives } = luck.of(folder)
  const entries = new Map(folder.synced)
  const chosen = new Set<Entry>()
  for (const entry of folder.waiting) {
    const { name, node, needs } = entry
    // A rename may leave both names, never none.
    if (!survives() || (needs !== undefined && !needs.kept && !chosen.has(needs))) continue
    chosen.add(entry)
    if (node === undefined) entries.delete(name)
    else entries.set(name, node)
  }
  return entries
}

export interface Survivors {
  readonly file: (path: string) => { readonly content: Buffer; readonly node: File } | undefined
  /** Names of a folder; none when it is not there. */
  readonly names: (path: string) => ReadonlyArray<string>
}

/** Only valid until the disk goes on; the contents are not to be changed. */
export const survivors = (disk: Disk, luck: Luck): Survivors => {
  const folders = new Map<Folder, ReadonlyMap<string, Node>>()
  const entries = (folder: Folder) => {
    const known = folders.get(folder) ?? entriesOf(folder, luck)
    folders.set(folder, known)
    return known
  }
  const find = (path: string): Node | undefined =>
    path
      .split("/")
      .filter((name) => name !== "")
      .reduce<Node | undefined>(
        (node, name) => (node?._tag === "Folder" ? entries(node).get(name) : undefined),
        disk.root,
      )
  return {
    file: (path) => {
      const node = find(path)
      return node?._tag === "File" ? { content: contentOf(node, luck), node } : undefined
    },
    names: (path) => {
      const node = find(path)
      return node?._tag === "Folder" ? [...entries(node).keys()] : []
    },
  }
}
