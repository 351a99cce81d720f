// Why a file could not be opened as PS3.10. A plain class: worker threads use it without loading a runtime.

export type Part10Reason = "not-dicom" | "truncated" | "too-large" | "too-deep" | "corrupt" | "unsupported"

export class Part10Error extends Error {
  readonly _tag = "Part10Error"
  override readonly name = "Part10Error"
  readonly reason: Part10Reason
  /** For people; tags, lengths and offsets, never values. */
  readonly detail: string
  constructor(reason: Part10Reason, detail: string) {
    super(`${reason}: ${detail}`)
    this.reason = reason
    this.detail = detail
  }
}
