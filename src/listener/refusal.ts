// Why one object is not stored. A plain class: worker threads use it without loading a runtime.

export interface RefusalFields {
  /** FailureReason (0008,1197). */
  readonly reason: number
  /** For people; no attribute values. */
  readonly detail: string
  readonly SOPInstanceUID?: string
  readonly SOPClassUID?: string
}

export class Refusal extends Error implements RefusalFields {
  readonly _tag = "Refusal"
  override readonly name = "Refusal"
  readonly reason: number
  readonly detail: string
  readonly SOPInstanceUID?: string
  readonly SOPClassUID?: string
  constructor(fields: RefusalFields) {
    super(fields.detail)
    this.reason = fields.reason
    this.detail = fields.detail
    if (fields.SOPInstanceUID !== undefined) this.SOPInstanceUID = fields.SOPInstanceUID
    if (fields.SOPClassUID !== undefined) this.SOPClassUID = fields.SOPClassUID
  }
}
