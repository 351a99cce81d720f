// A disk that keeps what it was told to keep: what is not synced may survive a power cut or not, in any combination.
// POSIX promises no more, and file systems that promise more are not everywhere: the entry of a new file needs the sync of
// its folder, and syncing a file syncs no folder.
import type { Operation, Step } from "./steps.ts"

interface Change {
  /** The call has returned: a sync that begins now covers it. */
  ended: boolean
}

export interface Patch extends Change {
  readonly offset: number
  /** Undefined: the file's size becomes `offset`. */
  readonly bytes: Buffer | undefined
}

export interface Entry extends Change {
  readonly name: string
  /** Undefined: the name is taken away. */
  readonly node: Node | undefined
  readonly folder: Folder
  /** A rename takes the old name away only together with giving the new one. */
  readonly needs?: Entry
  kept: boolean
}

export interface File {
  readonly _tag: "File"
  readonly id: number
  /** Grows with what is synced. */
  version: number
  synced: Buffer
  /** Bytes as running programs see them. */
  size: number
  waiting: Array<Patch>
}

export interface Folder {
  readonly _tag: "Folder"
  readonly id: number
  version: number
  readonly synced: Map<string, Node>
  readonly live: Map<string, Node>
  waiting: Array<Entry>
}

export type Node = File | Folder

/** Writes the patch into the content, in place where its own memory has room: never give it a pooled Buffer. */
export const patched = (content: Buffer, { offset, bytes }: Pick<Patch, "offset" | "bytes">): Buffer => {
  const end = bytes === undefined ? offset : Math.max(content.length, offset + bytes.length)
  let target = content
  if (end > content.length) {
    const room = content.buffer.byteLength - content.byteOffset
    target =
      room >= end
        ? Buffer.from(content.buffer, content.byteOffset, end)
        : Buffer.from(Buffer.alloc(Math.max(end * 2, 4096)).buffer, 0, end)
    if (room < end) content.copy(target)
    // What was cut off before does not come back.
    else target.fill(0, content.length)
  }
  if (bytes === undefined) return target.subarray(0, end)
  bytes.copy(target, offset)
  return target
}

const emptyBuffer = () => Buffer.from(Buffer.alloc(64).buffer, 0, 0)

export const makeDisk = () => {
  let ids = 0
  const newFile = (): File => ({ _tag: "File", id: ids++, version: 0, synced: emptyBuffer(), size: 0, waiting: [] })
  const newFolder = (): Folder => ({
    _tag: "Folder",
    id: ids++,
    version: 0,
    synced: new Map(),
    live: new Map(),
    waiting: [],
  })
  const root = newFolder()
  /** Names that are gone may still be open, and a call may know a file by a name that another thread has just changed. */
  const formerly = new Map<string, Node>()

  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node?._tag === "Folder" ? node.live.get(name) : undefined
    }
    return node
  }
  const folderOf = (path: string): readonly [Folder, string] => {
    const at = path.lastIndexOf("/")
    const folder = at === -1 ? root : find(path.slice(0, at))
    if (folder?._tag !== "Folder") throw new Error(`no folder for ${path}`)
    return [folder, path.slice(at + 1)]
  }
  const change = (path: string, node: Node | undefined, needs?: Entry): Entry => {
    const [folder, name] = folderOf(path)
    const before = folder.live.get(name)
    if (before !== undefined) formerly.set(path, before)
    if (node === undefined) folder.live.delete(name)
    else folder.live.set(name, node)
    const entry: Entry = { name, node, folder, ended: false, kept: false, ...(needs === undefined ? {} : { needs }) }
    folder.waiting.push(entry)
    return entry
  }
  const known = (path: string): Node => {
    const node = find(path) ?? formerly.get(path)
    if (node === undefined) throw new Error(`no file ${path}`)
    return node
  }
  const patch = (path: string, offset: number | undefined, bytes: Buffer | undefined): Patch => {
    const file = known(path)
    if (file._tag !== "File") throw new Error(`${path} is a folder`)
    const change: Patch = { offset: offset ?? file.size, bytes, ended: false }
    file.size = bytes === undefined ? change.offset : Math.max(file.size, change.offset + bytes.length)
    file.waiting.push(change)
    return change
  }
  const keep = (entry: Entry): void => {
    if (entry.kept) return
    entry.kept = true
    if (entry.needs !== undefined) keep(entry.needs)
    const { folder, name, node } = entry
    folder.version++
    if (node === undefined) folder.synced.delete(name)
    else folder.synced.set(name, node)
    folder.waiting = folder.waiting.filter((other) => other !== entry)
  }
  const sync = (node: Node): (() => void) => {
    if (node._tag === "Folder") {
      const covered = node.waiting.filter(({ ended }) => ended)
      return () => covered.forEach(keep)
    }
    const covered = new Set(node.waiting.filter(({ ended }) => ended))
    return () => {
      const due = node.waiting.filter((change) => covered.has(change))
      if (due.length === 0) return
      node.version++
      node.synced = due.reduce<Buffer>(patched, node.synced)
      node.waiting = node.waiting.filter((change) => !covered.has(change))
    }
  }

  const begin = (operation: Operation): (() => void) => {
    const settle = (...changes: ReadonlyArray<Change>) => {
      return () => changes.forEach((change) => void (change.ended = true))
    }
    switch (operation._tag) {
      case "Create":
        return find(operation.path) === undefined ? settle(change(operation.path, newFile())) : () => {}
      case "MakeFolder":
        return settle(change(operation.path, newFolder()))
      case "Resize":
        return settle(patch(operation.path, operation.size, undefined))
      case "Write":
        return settle(patch(operation.path, operation.offset, operation.bytes))
      case "Sync":
        return sync(known(operation.path))
      case "Link":
        return settle(change(operation.to, known(operation.from)))
      case "Rename": {
        const given = change(operation.to, known(operation.from))
        return settle(given, change(operation.from, undefined, given))
      }
      case "Remove":
        return settle(change(operation.path, undefined))
    }
  }

  const open = new Map<Operation, () => void>()
  return {
    root,
    play: (step: Step): void => {
      if (step.at === "said") return
      if (step.at === "began") open.set(step.operation, begin(step.operation))
      else {
        open.get(step.operation)?.()
        open.delete(step.operation)
      }
    },
  }
}

export type Disk = ReturnType<typeof makeDisk>
