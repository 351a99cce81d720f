// Tables of the embedding journal: what the reader reads and the owner of the index writes.
import { join } from "node:path"

/** Path of a model's journal below the index folder. */
export const journalPath = (dir: string, modelId: string): string => join(dir, modelId, "journal.db")

/**
 * `slice.sequence` is the usearch key and the journal sequence. Vectors are clustered by stack and position,
 * apart from headers and local vectors, so that a stack's matrix is one range scan. A row of 256 floats must not
 * overflow its page: a B-tree without rowid keeps about a quarter of a page per entry, hence 16 KiB pages.
 *
 * `tombstone` holds the highest removed receipt of an instance, for ever. `removed` lists slices that a snapshot of
 * the index may still hold; a durable snapshot empties it. `buried` is the ledger's deletion up to which all are known here. `total` changes in the same transactions as the slices:
 * `change` is the number the outside sees, `voting` counts slices that are not blank, `sum` adds up their vectors
 * (float64, so that removals leave no drift worth speaking of). Deleted rows are overwritten.
 */
export const journalSchema = `
  PRAGMA page_size = 16384;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  CREATE TABLE IF NOT EXISTS stack (
    id INTEGER PRIMARY KEY, StudyInstanceUID TEXT NOT NULL, SeriesInstanceUID TEXT NOT NULL, name TEXT NOT NULL,
    UNIQUE (SeriesInstanceUID, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS slice (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, stack INTEGER NOT NULL REFERENCES stack, position REAL NOT NULL,
    SOPInstanceUID TEXT NOT NULL, FrameNumber INTEGER NOT NULL, receipt INTEGER NOT NULL, blank INTEGER NOT NULL,
    header TEXT NOT NULL, UNIQUE (SOPInstanceUID, FrameNumber)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS slice_of_stack ON slice (stack, position, sequence);
  CREATE TABLE IF NOT EXISTS vector (
    stack INTEGER NOT NULL, position REAL NOT NULL, sequence INTEGER NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (stack, position, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS local (sequence INTEGER PRIMARY KEY, locals BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS tombstone (SOPInstanceUID TEXT PRIMARY KEY, receipt INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS removed (
    change INTEGER PRIMARY KEY AUTOINCREMENT, sequence INTEGER NOT NULL, SOPInstanceUID TEXT NOT NULL DEFAULT ''
  ) STRICT;
  CREATE TABLE IF NOT EXISTS buried (id INTEGER PRIMARY KEY CHECK (id = 1), upTo INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS total (
    id INTEGER PRIMARY KEY CHECK (id = 1), dimension INTEGER NOT NULL, change INTEGER NOT NULL,
    slices INTEGER NOT NULL, voting INTEGER NOT NULL, sum BLOB NOT NULL
  ) STRICT;
`

/** A journal of an earlier gateway does not say whose the removed slices were. */
export const addRemovedInstance = "ALTER TABLE removed ADD COLUMN SOPInstanceUID TEXT NOT NULL DEFAULT ''"
export const hasRemovedInstance = "SELECT 1 FROM pragma_table_info('removed') WHERE name = 'SOPInstanceUID'"
