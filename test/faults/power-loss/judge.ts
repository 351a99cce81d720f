// Judges what is left after a cut against what was promised before it.
import { createHash } from "node:crypto"
import type { HeldState } from "./held-state.ts"
import type { File } from "./disk.ts"
import type { Survivors } from "./power-cut.ts"
import type { Promises } from "./promises.ts"

export interface Found {
  readonly held: HeldState
  /** Receipts with vectors in the journal, by SOPInstanceUID. */
  readonly journalled: ReadonlyMap<string, number>
  readonly workitems: ReadonlySet<string>
}

export const makeJudge = (blobPath: (digest: string) => string) => {
  const digests = new Map<File, { readonly version: number; readonly digest: string }>()
  const digestOf = (found: Survivors, path: string): string | undefined => {
    const file = found.file(path)
    if (file === undefined) return undefined
    const { content, node } = file
    const known = digests.get(node)
    if (content === node.synced && known?.version === node.version) return known.digest
    const digest = createHash("sha256").update(content).digest("hex")
    if (content === node.synced) digests.set(node, { version: node.version, digest })
    return digest
  }

  /** What was lost or has come back, one sentence each. */
  return (found: Survivors, { held, journalled, workitems }: Found, promises: Promises): ReadonlyArray<string> => {
    const { promised, published } = promises
    const losses: Array<string> = []
    const receipts = new Map<number, string>()
    for (const [uid, { receipt }] of held.instances) receipts.set(receipt, uid)
    for (const [uid, promise] of promised) {
      const row = held.instances.get(uid)
      if (promise.state === "deleted") {
        if (row !== undefined) losses.push(`${uid} was deleted and is in the ledger again`)
        if (journalled.has(uid)) losses.push(`${uid} was deleted and has vectors again`)
        continue
      }
      if (promise.state !== "stored") continue
      if (row === undefined) {
        losses.push(`${uid} was stored and is not in the ledger`)
        continue
      }
      if (row.digest !== promise.digest) losses.push(`${uid} is another object than the one stored`)
      const digest = digestOf(found, blobPath(promise.digest))
      if (digest === undefined) losses.push(`${uid} has no blob`)
      else if (digest !== promise.digest) losses.push(`${uid} has other bytes`)
      if (!held.toSend.has(row.receipt) && !published.has(row.receipt))
        losses.push(`${uid} has no event, neither sent nor to be sent`)
    }
    // Given again, the number would make the late event of one object that of another.
    for (const receipt of published)
      if (receipt > held.lastReceipt) losses.push(`receipt ${receipt} was sent out and may be given again`)
    // The ledger is told only of what the journal has on the disk: nothing would embed it again.
    for (const [uid, { receipt, stage }] of held.instances)
      if (stage === "indexed" && journalled.get(uid) !== receipt)
        losses.push(`${uid} counts as indexed without vectors`)
    for (const uid of promises.workitems) if (!workitems.has(uid)) losses.push(`work item ${uid} is gone`)
    // The events that the outbox holds are of instances that are there.
    for (const receipt of held.toSend) if (!receipts.has(receipt)) losses.push(`an event tells of receipt ${receipt}`)
    return losses
  }
}
