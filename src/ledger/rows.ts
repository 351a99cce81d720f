// Table rows as domain values. The ledger wrote them, so they are trusted and branded without another check.
import type { Caller } from "../domain/caller.ts"
import type { DicomJson, Digest, InstanceRef, InstanceStage, Receipt } from "../domain/instance.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { Held, InventoryItem, Scope, StoredInstance } from "./Ledger.ts"

export type Row = Readonly<Record<string, unknown>>

export const refOf = (row: Row): InstanceRef => ({
  receipt: row["receipt"] as Receipt,
  StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
  SeriesInstanceUID: row["SeriesInstanceUID"] as SeriesInstanceUID,
  SOPInstanceUID: row["SOPInstanceUID"] as SOPInstanceUID,
  digest: row["digest"] as Digest,
})

export const heldColumns =
  "receipt, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, SOPClassUID, TransferSyntaxUID, digest, bytes"

export const heldOf = (row: Row): Held => ({
  ...refOf(row),
  SOPClassUID: String(row["SOPClassUID"]),
  TransferSyntaxUID: String(row["TransferSyntaxUID"]),
  bytes: Number(row["bytes"]),
})

export const attributesOf = (row: Row): DicomJson => JSON.parse(String(row["attributes"])) as DicomJson

export const instanceOf = (row: Row): StoredInstance => ({
  ...heldOf(row),
  attributes: attributesOf(row),
  stage: row["stage"] as InstanceStage,
  embeddableFrames: Number(row["embeddable"]),
  indexedFrames: Number(row["indexed"]),
  ...(row["reason"] === null ? {} : { reason: String(row["reason"]) }),
})

export const inventoryItemOf = (row: Row): InventoryItem => ({
  ...refOf(row),
  bytes: Number(row["bytes"]),
  stage: row["stage"] as InstanceStage,
  indexedFrames: Number(row["indexed"]),
  ...(row["reason"] === null ? {} : { reason: String(row["reason"]) }),
})

/** What the caller may see of a table that has a StudyInstanceUID; everything when the origins are not restricted. */
export const visibleCondition = (
  { origins }: Caller,
  table: string,
): { readonly sql: string; readonly values: ReadonlyArray<string> } =>
  origins === "all"
    ? { sql: "1", values: [] }
    : {
        sql: `EXISTS (SELECT 1 FROM study AS seen WHERE seen.StudyInstanceUID = ${table}.StudyInstanceUID AND seen.origin IN (${Array.from(origins, () => "?").join(", ")}))`,
        values: [...origins],
      }

/** SQL condition and parameters of a scope; the table's columns are named as the scope's keys. */
export const scopeCondition = (
  scope: Scope,
  caller: Caller,
  table = "instance",
): { readonly sql: string; readonly values: ReadonlyArray<string> } => {
  const entries = (["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"] as const).flatMap((key) => {
    const value = scope[key]
    return value === undefined ? [] : [[key, value] as const]
  })
  const visible = visibleCondition(caller, table)
  return {
    sql: [visible.sql, ...entries.map(([key]) => `${table}.${key} = ?`)].join(" AND "),
    values: [...visible.values, ...entries.map(([, value]) => value)],
  }
}
