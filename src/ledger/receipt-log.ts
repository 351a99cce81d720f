// What was accepted and deleted, once more beside the ledger: plain lines from which a damaged ledger is made whole. UIDs and
// digests only. Written after the commit and before the answer, so a line without its row means that the ledger lost it.
import { appendFileSync, closeSync, createReadStream, fsyncSync, openSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { crc32 } from "node:zlib"
import { makeDurableFolder } from "../disk/durable-folder.ts"
import type { Origin } from "../domain/caller.ts"
import type { Digest, Receipt } from "../domain/instance.ts"
import type { SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"

interface Line {
  readonly receipt: Receipt
  readonly digest: Digest
  readonly StudyInstanceUID: StudyInstanceUID
  readonly SOPInstanceUID: SOPInstanceUID
}
export type LogEntry =
  /** `origin`: of a study that begins with this instance. */
  (Line & { readonly _tag: "Accepted"; readonly origin: Origin }) | (Line & { readonly _tag: "Deleted" })

const segmentName = /^receipts-(\d{6,})\.log$/
const pathOf = (dir: string, segment: number) => join(dir, `receipts-${String(segment).padStart(6, "0")}.log`)

const numbersIn = (dir: string): ReadonlyArray<number> => {
  try {
    return readdirSync(dir)
      .flatMap((name) => segmentName.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  } catch {
    return []
  }
}

const checked = (text: string) => `${crc32(text).toString(16).padStart(8, "0")} ${text}`

const encode = (entry: LogEntry): string =>
  checked(
    JSON.stringify([
      entry._tag === "Accepted" ? "A" : "D",
      entry.receipt,
      entry.digest,
      entry.StudyInstanceUID,
      entry.SOPInstanceUID,
      ...(entry._tag === "Accepted" ? [entry.origin] : []),
    ]),
  )

/** Undefined for a line that was cut or changed. */
const decode = (line: string): LogEntry | undefined => {
  const text = line.slice(9)
  if (text === "" || checked(text) !== line) return undefined
  const [kind, receipt, digest, StudyInstanceUID, SOPInstanceUID, origin] = JSON.parse(text) as [
    string,
    Receipt,
    Digest,
    StudyInstanceUID,
    SOPInstanceUID,
    Origin,
  ]
  const named = { receipt, digest, StudyInstanceUID, SOPInstanceUID }
  return kind === "A" ? { _tag: "Accepted", ...named, origin } : { _tag: "Deleted", ...named }
}

/** All entries that can be read, oldest first, of segments from one on. */
export async function* readReceiptLog(dir: string, from = 0): AsyncGenerator<LogEntry> {
  for (const segment of numbersIn(dir)) {
    if (segment < from) continue
    for await (const line of createInterface({ input: createReadStream(pathOf(dir, segment)) })) {
      const entry = decode(line)
      if (entry !== undefined) yield entry
    }
  }
}

/** Continues the last segment. */
export const openReceiptLog = (dir: string) => {
  makeDurableFolder(dir)
  let segment = numbersIn(dir).at(-1) ?? 1
  const openSegment = () => openSync(pathOf(dir, segment), "a", 0o600)
  let file = openSegment()
  let lines = 0
  let deletions = 1
  let notes = 0
  return {
    dir,
    /** Entries appended since the segment began, or the log was opened. */
    lines: () => lines,
    /** Grows with each deletion. */
    deletions: () => deletions,
    /** Grows with each change that only the ledger holds: the next copy is not to wait for its hour. */
    notes: () => notes,
    note: (): void => void notes++,
    /** Throws what the file system throws. Begins with a new line: the one before may have been cut. */
    append: (entries: ReadonlyArray<LogEntry>): void => {
      if (entries.length === 0) return
      lines += entries.length
      deletions += entries.filter(({ _tag }) => _tag === "Deleted").length
      appendFileSync(file, `\n${entries.map(encode).join("\n")}\n`)
    },
    /** Begins a new segment, whose number is answered: everything before it is on the disk. */
    rotate: (): number => {
      fsyncSync(file)
      closeSync(file)
      segment++
      lines = 0
      file = openSegment()
      return segment
    },
    /** What a backup holds needs no lines. */
    dropBefore: (kept: number): void => {
      for (const old of numbersIn(dir)) if (old < kept && old !== segment) rmSync(pathOf(dir, old), { force: true })
    },
    close: (): void => {
      fsyncSync(file)
      closeSync(file)
    },
  }
}
export type ReceiptLog = ReturnType<typeof openReceiptLog>
