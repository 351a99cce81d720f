// What the index thread holds, and how it comes to it: the journal, and the index from a snapshot that proves right.
import { dirname } from "node:path"
import { emptyGraph, loadGraph, type Graph } from "./graph.ts"
import { openJournal, type Journal } from "./journal.ts"
import { openJournalReader, type JournalReader, type JournalReaderOptions } from "./journal-reader.ts"
import { journalPath } from "./journal-schema.ts"
import { dropSnapshot, findSnapshot } from "./snapshot.ts"

export interface Opened {
  readonly journal: Journal
  readonly reader: JournalReader
  /** Answers searches. */
  graph: Graph
  /** A second index on its way to replace the first. */
  building?: Graph
  /** The journal's `change` of the snapshot on disk. */
  saved: number
  /** Removed slices may still be in the journal's log. */
  logHolds: boolean
}

/** The snapshot less what was removed since, compared key by key with the journal. Throws when they differ. */
const fromSnapshot = (options: JournalReaderOptions, journal: Journal) => {
  const found = findSnapshot(dirname(journalPath(options.dir, options.modelId)), options)
  if (found === undefined) return undefined
  const graph = loadGraph(found.path, options.dimension, found)
  if (graph.size() !== found.size) throw new Error(`${graph.size()} slices instead of ${found.size}`)
  graph.remove(journal.removedSlices().sequences, journal.mean())
  const keys = journal.keys(found.cursor)
  const held = graph.holds(keys)
  if (held !== keys.length || graph.size() !== keys.length)
    throw new Error(`${held} of ${keys.length} slices of the journal, ${graph.size() - held} others`)
  return { graph, saved: found.change }
}

/** A snapshot that is not right is told and not used: the index then starts empty, and reads the whole journal. */
export const openIndex = (options: JournalReaderOptions, warn: (text: string) => void): Opened => {
  const journal = openJournal(options)
  try {
    const reader = openJournalReader(options)
    try {
      const loaded = fromSnapshot(options, journal)
      if (loaded !== undefined) return { journal, reader, ...loaded, logHolds: true }
    } catch (cause) {
      warn(`snapshot not used, the index is built from the journal: ${String(cause)}`)
      // A journal that lost its end gives the same numbers again: one day the snapshot would seem to fit it.
      dropSnapshot(dirname(journalPath(options.dir, options.modelId)))
    }
    return { journal, reader, graph: emptyGraph(options.dimension), saved: 0, logHolds: true }
  } catch (cause) {
    journal.close()
    throw cause
  }
}
