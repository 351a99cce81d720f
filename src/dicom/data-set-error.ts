// Why an attribute map cannot be written as a data set. A plain class, as Part10Error is.

export class DataSetError extends Error {
  readonly _tag = "DataSetError"
  override readonly name = "DataSetError"
  /** For people; tags and lengths, never values. */
  readonly detail: string
  constructor(detail: string) {
    super(detail)
    this.detail = detail
  }
}
