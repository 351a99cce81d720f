// One accepted SOP instance: what the ledger promises and what every later stage is told about it.
import * as Schema from "effect/Schema"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "./uid.ts"

/** Lower-case hex SHA-256 of the Part 10 file as received; also the name of its blob. */
export const Digest = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)).pipe(Schema.brand("Digest"))
export type Digest = typeof Digest.Type

/**
 * Running number of one acceptance. A deleted and re-sent instance gets a higher one, so that a late
 * event of the deleted copy can be told from the new copy's.
 */
export const Receipt = Schema.Int.pipe(Schema.brand("Receipt"))
export type Receipt = typeof Receipt.Type

/** The reference that travels through the streams. It carries UIDs, never pixels or patient attributes. */
export const InstanceRef = Schema.Struct({
  receipt: Receipt,
  StudyInstanceUID,
  SeriesInstanceUID,
  SOPInstanceUID,
  digest: Digest,
})
export type InstanceRef = typeof InstanceRef.Type

/** How far an instance has come. `stored-only` and `set-aside` are final and always carry a reason. */
export const InstanceStage = Schema.Literals(["accepted", "decoded", "embedded", "indexed", "stored-only", "set-aside"])
export type InstanceStage = typeof InstanceStage.Type

/** PS3.18 Annex F attribute map, keyed by eight hex digits. Bulk data is left out. */
export interface DicomJson {
  readonly [tag: string]: {
    readonly vr: string
    readonly Value?: ReadonlyArray<unknown>
    readonly BulkDataURI?: string
    readonly InlineBinary?: string
  }
}
