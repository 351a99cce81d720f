// Calls of the kernel → operations on the files of one folder, and what was said on sockets. Whatever could change a file
// in a way that is not understood here is an error: a check that does not see everything proves nothing.
import { relative, resolve } from "node:path"
import type { Call, CallEvent } from "./strace-calls.ts"
import type { Message, Operation, Step } from "./steps.ts"

/** What strace is to follow. */
export const calls = [
  "openat,open,creat,lseek,dup,dup2,dup3,accept4",
  "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,splice",
  "copy_file_range,ftruncate,truncate,fallocate,mmap,io_uring_setup",
  "fsync,fdatasync,syncfs,sync,msync,sync_file_range",
  "rename,renameat,renameat2,link,linkat,symlink,symlinkat",
  "unlink,unlinkat,mkdir,mkdirat,rmdir",
].join(",")

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll("\\x", ""), "hex")
const textOf = (hex: string): string => bytesOf(hex).toString("utf8")

/** `7<path>` */
const descriptor = /^(-?\d+)<([^>]*)>/
const quoted = /"([^"]*)"/g
const strings = (given: string): ReadonlyArray<string> => Array.from(given.matchAll(quoted), (found) => found[1] ?? "")
const numbersAfter = (given: string): ReadonlyArray<number> =>
  given
    .slice(given.lastIndexOf('"') + 1)
    .split(",")
    .slice(1)
    .map((text) => Number.parseInt(text.trim().replace(/^\]/, "")))

interface Opened {
  position: number
  readonly append: boolean
}

/** One process' calls; paths outside the folder are left out. */
export const stepsOf = (events: ReadonlyArray<CallEvent>, folder: string): ReadonlyArray<Step> => {
  const root = resolve(folder)
  const opened = new Map<number, Opened>()
  /** Undefined: not in the folder. */
  const within = (path: string, base?: string): string | undefined => {
    const found = relative(root, base === undefined ? path : resolve(base, path))
    return found.startsWith("..") ? undefined : found
  }
  const unknown = (call: Call): never => {
    throw new Error(`${call.name}(${call.given.slice(0, 300)}) is not understood by the recording`)
  }
  const fileOf = (call: Call): { readonly fd: number; readonly path: string } | undefined => {
    const found = descriptor.exec(call.given)
    if (found === null) return undefined
    const target = found[2] ?? ""
    if (!target.startsWith("\\x2f")) return undefined
    const path = within(textOf(target))
    return path === undefined ? undefined : { fd: Number(found[1]), path }
  }
  /** The paths of a call in order, each below its folder descriptor where it has one. */
  const pathsOf = (given: string): ReadonlyArray<string | undefined> =>
    Array.from(given.matchAll(/(?:<([^>]*)>, )?"([^"]*)"/g), ([, base, path]) =>
      within(textOf(path ?? ""), base === undefined ? undefined : textOf(base)),
    )
  const inside = (call: Call, count: number): ReadonlyArray<string> | undefined => {
    const paths = pathsOf(call.given)
    if (paths.length !== count) return unknown(call)
    if (paths.every((path) => path === undefined)) return undefined
    return paths.every((path) => path !== undefined) ? paths : unknown(call)
  }

  const touches = (call: Call): boolean =>
    Array.from(call.given.matchAll(/<(\\x2f[^>]*)>/g), ([, path = ""]) => within(textOf(path))).some(
      (path) => path !== undefined,
    )

  const writeOf = (call: Call): ReadonlyArray<Operation> => {
    const file = fileOf(call)
    if (file === undefined) return []
    const all = Buffer.concat(strings(call.given).map(bytesOf))
    const bytes = call.result === undefined ? all : all.subarray(0, call.result)
    if (call.result !== undefined && bytes.length !== call.result) return unknown(call)
    if (call.name.startsWith("p")) {
      return [{ _tag: "Write", path: file.path, offset: numbersAfter(call.given).at(-1) ?? Number.NaN, bytes }]
    }
    const at = opened.get(file.fd) ?? unknown(call)
    const offset = at.append ? undefined : at.position
    at.position += bytes.length
    return [{ _tag: "Write", path: file.path, offset, bytes }]
  }
  const openOf = (call: Call): ReadonlyArray<Operation> => {
    const path = inside(call, 1)?.[0]
    if (path === undefined || !/O_CREAT|O_TRUNC|O_SYNC|O_DSYNC|O_TMPFILE/.test(call.given)) return []
    if (/O_SYNC|O_DSYNC|O_TMPFILE/.test(call.given)) return unknown(call)
    return [
      ...(call.given.includes("O_CREAT") ? [{ _tag: "Create", path } as const] : []),
      ...(call.given.includes("O_TRUNC") ? [{ _tag: "Resize", path, size: 0 } as const] : []),
    ]
  }
  const operationsOf = (call: Call): ReadonlyArray<Operation> => {
    switch (call.name) {
      case "open":
      case "openat":
        return openOf(call)
      case "write":
      case "writev":
      case "pwrite64":
      case "pwritev":
        return writeOf(call)
      case "fsync":
      case "fdatasync": {
        const file = fileOf(call)
        return file === undefined ? [] : [{ _tag: "Sync", path: file.path }]
      }
      case "ftruncate": {
        const file = fileOf(call)
        const size = Number(/, (\w+)$/.exec(call.given)?.[1])
        return file === undefined ? [] : [{ _tag: "Resize", path: file.path, size }]
      }
      case "rename":
      case "renameat":
      case "renameat2":
      case "link":
      case "linkat": {
        const [from, to] = inside(call, 2) ?? []
        const _tag = call.name.startsWith("rename") ? "Rename" : "Link"
        return from === undefined || to === undefined ? [] : [{ _tag, from, to }]
      }
      case "unlink":
      case "unlinkat":
      case "rmdir": {
        const path = inside(call, 1)?.[0]
        return path === undefined ? [] : [{ _tag: "Remove", path }]
      }
      case "mkdir":
      case "mkdirat": {
        const path = inside(call, 1)?.[0]
        return path === undefined ? [] : [{ _tag: "MakeFolder", path }]
      }
      case "mmap": {
        if (!call.given.includes("PROT_WRITE") || !call.given.includes("MAP_SHARED")) return []
        const found = /, (\d+<[^>]*>)/.exec(call.given)?.[1]
        const file = found === undefined ? undefined : fileOf({ ...call, given: found })
        // SQLite's index of its log, made anew from the log whenever a database is opened first.
        return file === undefined || file.path.endsWith("-shm") ? [] : unknown(call)
      }
      case "lseek":
        return []
      case "symlink":
      case "symlinkat":
        return pathsOf(call.given).every((path) => path === undefined) ? [] : unknown(call)
      case "accept4":
      case "sync":
      case "syncfs":
        return []
      case "io_uring_setup":
        // libuv's ring for files has the kernel look for itself; the other one only changes what epoll waits for.
        return call.given.includes("IORING_SETUP_SQPOLL") ? unknown(call) : []
      default:
        return touches(call) ? unknown(call) : []
    }
  }

  const tails = new Map<string, string>()
  /** What is said on a connection; a line may be cut by the end of a write, so the last piece is kept. */
  const messagesOf = (call: Call): ReadonlyArray<Message> => {
    const connection = /^\d+<(TCP:\[[^>]*:(\d+)->[^>]*:(\d+)\])>/.exec(call.given)
    if (connection === null) return []
    const [, name = "", , peer] = connection
    const said = strings(call.given).map(textOf).join("")
    const status = /^HTTP\/1\.1 ([2-5]\d\d)/.exec(said)?.[1]
    if (status !== undefined) return [{ _tag: "Answered", port: Number(peer), status: Number(status) }]
    const text = (tails.get(name) ?? "") + said
    const end = text.lastIndexOf("\r\n") + 2
    tails.set(name, text.slice(Math.max(end, text.length - 1000)))
    return Array.from(
      text
        .slice(0, end)
        .matchAll(/Nats-Msg-Id: ?([^\r]+)\r|PUB \$JS\.ACK\.([^. ]+)\.([^. ]+)\.\d+\.(\d+)\.[^\r]*\r\n(?:\+ACK)?\r/g),
      ([, msgID, stream = "", consumer = "", sequence]): Message =>
        msgID === undefined
          ? { _tag: "Acknowledged", stream, consumer, sequence: Number(sequence) }
          : { _tag: "Published", msgID },
    )
  }
  const afterwards = (call: Call): ReadonlyArray<Message> => {
    const fd = call.result ?? -1
    if (call.name === "openat" || call.name === "open") {
      if (fd >= 0) opened.set(fd, { position: 0, append: call.given.includes("O_APPEND") })
    } else if (call.name === "lseek") {
      const file = fileOf(call)
      const at = file === undefined ? undefined : opened.get(file.fd)
      if (at !== undefined && fd >= 0) at.position = fd
    } else if (call.name === "accept4") {
      const port = /->[^>]*:(\d+)\]>/.exec(call.resultText)?.[1]
      if (port !== undefined) return [{ _tag: "Connected", port: Number(port) }]
    }
    return []
  }

  const known = new Map<Call, ReadonlyArray<Operation>>()
  return events.flatMap(({ at, call }): ReadonlyArray<Step> => {
    const failed = call.result !== undefined && call.result < 0
    if (at === "began") {
      const operations = failed ? [] : operationsOf(call)
      if (operations.length > 0) known.set(call, operations)
      const messages = /^(write|send)/.test(call.name) && !failed ? messagesOf(call) : []
      return [
        ...operations.map((operation) => ({ at, operation })),
        ...messages.map((message) => ({ at: "said", message }) as const),
      ]
    }
    return [
      ...(known.get(call) ?? []).map((operation) => ({ at, operation })),
      ...afterwards(call).map((message) => ({ at: "said", message }) as const),
    ]
  })
}
