// Guarantees broken on purpose, in the recording: whoever judges the rest must find what is lost.
import type { Recording } from "./recording.ts"
import type { Step } from "./steps.ts"

const foldersOf = (steps: ReadonlyArray<Step>): ReadonlySet<string> =>
  new Set(
    steps.flatMap((step) => (step.at === "began" && step.operation._tag === "MakeFolder" ? [step.operation.path] : [])),
  )

const withoutSync = ({ steps, requests }: Recording, isDropped: (path: string, isFolder: boolean) => boolean) => {
  const folders = foldersOf(steps)
  const kept = steps.filter(
    (step) =>
      step.at === "said" ||
      step.operation._tag !== "Sync" ||
      !isDropped(step.operation.path, folders.has(step.operation.path)),
  )
  if (kept.length === steps.length) throw new Error("no such sync in the recording")
  return { steps: kept, requests }
}

const blobs = "data/blobs"

/** Each answer is given before the last sync that ended ahead of it. */
const answersFirst = ({ steps, requests }: Recording): Recording => {
  const result: Array<Step> = []
  for (const step of steps) {
    if (step.at !== "said" || step.message._tag !== "Answered") {
      result.push(step)
      continue
    }
    const sync = result.findLastIndex((other) => other.at === "ended" && other.operation._tag === "Sync")
    result.splice(Math.max(0, sync), 0, step)
  }
  return { steps: result, requests }
}

export const mutations: Readonly<Record<string, (recording: Recording) => Recording>> = {
  "no sync of a blob": (recording) =>
    withoutSync(recording, (path, isFolder) => path.startsWith(`${blobs}/`) && !isFolder),
  "no sync of a blob's folder": (recording) =>
    withoutSync(recording, (path, isFolder) => path.startsWith(`${blobs}/`) && isFolder),
  "no sync of the folder of blob folders": (recording) => withoutSync(recording, (path) => path === blobs),
  "no sync of the ledger's log": (recording) =>
    withoutSync(recording, (path) => path.startsWith("data/ledger/") && path.endsWith("-wal")),
  "no sync of the journal's log": (recording) =>
    withoutSync(recording, (path) => path.startsWith("data/index/") && path.endsWith("-wal")),
  "no sync of the worklist's log": (recording) =>
    withoutSync(recording, (path) => path.startsWith("data/worklist/") && path.endsWith("-wal")),
  "no sync of the data folder": (recording) => withoutSync(recording, (path) => path === "data"),
  "the answer before the last sync": answersFirst,
}
