// The vector journal as it lies on disk, read beside the gateway: how often each frame is in it.
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

export interface JournalRows {
  /** How often each SOP Instance UID is there; the instances have one frame each. */
  readonly frames: ReadonlyMap<string, number>
  /** Slices without their vector, or vectors without their slice. */
  readonly unpaired: number
}

export const journalRows = (data: string): JournalRows => {
  const index = join(data, "index")
  const paths = readdirSync(index)
    .map((model) => join(index, model, "journal.db"))
    .filter((path) => existsSync(path))
  if (paths.length !== 1) throw new Error(`${paths.length} journals below ${index}`)
  const db = new DatabaseSync(paths[0]!, { readOnly: true, timeout: 5000 })
  try {
    const rows = db.prepare("SELECT SOPInstanceUID, count(*) AS n FROM slice GROUP BY SOPInstanceUID").all()
    const slices = db.prepare("SELECT count(*) AS n FROM slice").get()
    const paired = db.prepare("SELECT count(*) AS n FROM slice JOIN vector USING (stack, position, sequence)").get()
    const vectors = db.prepare("SELECT count(*) AS n FROM vector").get()
    const [n = 0, pairs = 0, m = 0] = [slices, paired, vectors].map((row) => Number(row?.["n"]))
    return {
      frames: new Map(rows.map((row) => [String(row["SOPInstanceUID"]), Number(row["n"])])),
      unpaired: n - pairs + (m - pairs),
    }
  } finally {
    db.close()
  }
}
