// What a verification says: counts, and the first UIDs of each kind.
import * as Schema from "effect/Schema"
import { SOPInstanceUID } from "../domain/uid.ts"
import type { Finding } from "./compare.ts"

/** UIDs of one kind that a report names; the counts are of all. */
const most = 1000

/** What `verify` compares: blobs, ledger, journal and index, both ways. */
export const VerificationReport = Schema.Struct({
  /** Accepted instances whose blob is gone; the first thousand. */
  blobsMissing: Schema.Array(SOPInstanceUID),
  /** Accepted instances whose blob has other bytes than were accepted; the first thousand. */
  blobsDamaged: Schema.Array(SOPInstanceUID),
  /** Blobs that no accepted instance names. */
  blobsOrphaned: Schema.Int,
  /** Instances whose indexed frames differ between ledger and journal, or that only the journal knows; the first thousand. */
  framesDiffering: Schema.Array(SOPInstanceUID),
  /** Journalled slices missing in the index, and indexed keys without a journal row. */
  index: Schema.Struct({ missing: Schema.Int, orphaned: Schema.Int }),
  /** How many there are of each kind. */
  counts: Schema.Record(Schema.String, Schema.Int),
  /** Nothing differed, or all that did was mended. */
  consistent: Schema.Boolean,
  /** Instances compared so far. */
  instances: Schema.Int,
  /** Differences that were mended: embedded again from the stored files, or removed. */
  repaired: Schema.Int,
  /** Every file was read and hashed again. */
  digests: Schema.Boolean,
  /** It is not at its end yet: ask again with GET. */
  running: Schema.Boolean,
  seconds: Schema.Finite,
})
export type VerificationReport = typeof VerificationReport.Type

export interface Tally {
  readonly since: number
  instances: number
  repaired: number
  orphaned: number
  graph: { readonly missing: number; readonly orphaned: number }
  readonly found: Record<Finding["kind"], number>
  /** Not mended, by kind. */
  readonly left: Record<string, number>
  readonly named: Record<Finding["kind"], Array<SOPInstanceUID>>
}

export const emptyTally = (since: number): Tally => ({
  since,
  instances: 0,
  repaired: 0,
  orphaned: 0,
  graph: { missing: 0, orphaned: 0 },
  found: { "blob-missing": 0, "blob-damaged": 0, "blob-back": 0, "frames-differ": 0, "not-stored": 0 },
  left: { "blob-missing": 0, "blob-damaged": 0, "blob-back": 0, "frames-differ": 0, "not-stored": 0 },
  named: { "blob-missing": [], "blob-damaged": [], "blob-back": [], "frames-differ": [], "not-stored": [] },
})

export const addFinding = (tally: Tally, finding: Finding, mended: boolean): void => {
  tally.found[finding.kind]++
  if (mended) tally.repaired++
  else tally.left[finding.kind] = (tally.left[finding.kind] ?? 0) + 1
  const named = tally.named[finding.kind]
  if (named.length < most) named.push("instance" in finding ? finding.instance.SOPInstanceUID : finding.SOPInstanceUID)
}

export const reportOf = (
  { since, instances, repaired, orphaned, graph, found, left, named }: Tally,
  { digests }: { readonly digests: boolean },
  now: number,
  running: boolean,
): VerificationReport => ({
  blobsMissing: [...named["blob-missing"]],
  blobsDamaged: [...named["blob-damaged"]],
  blobsOrphaned: orphaned,
  framesDiffering: [...named["frames-differ"], ...named["not-stored"], ...named["blob-back"]].slice(0, most),
  index: graph,
  counts: { ...found, "blob-orphaned": orphaned },
  consistent: Object.values(left).every((count) => count === 0),
  instances,
  repaired,
  digests,
  running,
  seconds: (now - since) / 1000,
})
