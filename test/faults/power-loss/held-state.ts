// What a gateway finds in its ledger after a power cut: the ledger's files put back into a folder, opened by the product itself.
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Schema } from "effect"
import { InstanceAccepted, InstanceDeleted } from "../../../src/events/events.ts"
import { Ledger } from "../../../src/ledger/Ledger.ts"
import * as SqliteLedger from "../../../src/ledger/sqlite-ledger.ts"
import type { Survivors } from "./power-cut.ts"

export interface HeldInstance {
  readonly receipt: number
  readonly digest: string
  readonly stage: string
}

export interface HeldState {
  /** By SOPInstanceUID. */
  readonly instances: ReadonlyMap<string, HeldInstance>
  /** Receipts whose InstanceAccepted is still to be sent. */
  readonly toSend: ReadonlySet<number>
  /** Instances whose InstanceDeleted is still to be sent. */
  readonly toRemove: ReadonlySet<string>
  /** The highest that was ever given. */
  readonly lastReceipt: number
}

const eventOf = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Union([InstanceAccepted, InstanceDeleted])))

const readLedger = Effect.gen(function* () {
  const ledger = yield* Ledger
  const instances = new Map<string, HeldInstance>()
  for (const { SOPInstanceUID, receipt, digest, stage } of yield* ledger.inventoryAfter("", 100_000)) {
    if (instances.has(SOPInstanceUID)) throw new Error(`${SOPInstanceUID} is held twice`)
    instances.set(SOPInstanceUID, { receipt, digest, stage })
  }
  const events = (yield* ledger.outbox(1_000_000))
    .filter(({ subject }) => subject.startsWith("dicom.instance."))
    .map(({ payload }) => eventOf(payload))
  const toSend = new Set(events.flatMap((event) => (event._tag === "InstanceAccepted" ? [event.instance.receipt] : [])))
  const toRemove = new Set(events.flatMap((event) => (event._tag === "InstanceDeleted" ? [event.SOPInstanceUID] : [])))
  return { instances, toSend, toRemove }
})

/** Fails when the file is not whole. */
const lastReceipt = (file: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const answer = String(db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"])
    if (answer !== "ok") throw new Error(answer)
    return Number(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'instance'").get()?.["seq"] ?? 0)
  } finally {
    db.close()
  }
}

/** Writes a folder's files; SQLite's index of a log is never part of it, for nothing ever synced it. */
export const restore = (found: Survivors, from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  for (const name of found.names(from).filter((name) => !name.endsWith("-shm"))) {
    const file = found.file(`${from}/${name}`)
    if (file !== undefined) writeFileSync(join(to, name), file.content)
  }
}

/** What of the files is new since another cut: equal signatures, equal content. Undefined when luck had a say. */
export const signatureOf = (found: Survivors, folder: string): string | undefined => {
  const parts = found.names(folder).map((name) => {
    const file = found.file(`${folder}/${name}`)
    if (file === undefined || file.content !== file.node.synced) return undefined
    return `${name}:${file.node.id}:${file.node.version}`
  })
  return parts.includes(undefined) ? undefined : parts.join(" ")
}

/** Fails when the ledger does not open or is not whole. `scratch` is a folder of its own. */
export const openLedger = (found: Survivors, folder: string, scratch: string) =>
  Effect.gen(function* () {
    restore(found, folder, scratch)
    const state = yield* readLedger.pipe(Effect.provide(SqliteLedger.layer({ dir: scratch })), Effect.scoped)
    const last = yield* Effect.try(() => lastReceipt(join(scratch, "ledger.db")))
    return { ...state, lastReceipt: last } satisfies HeldState
  })
