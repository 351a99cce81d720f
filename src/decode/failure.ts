// What decoding throws inside a worker thread. Plain values: they cross threads and become DecodeError outside.
import { Part10Error } from "../dicom/part10-error.ts"

export type FailureReason = "corrupt" | "unsupported" | "too-large" | "missing"

export class DecodeFailure extends Error {
  readonly reason: FailureReason
  constructor(reason: FailureReason, detail: string) {
    super(detail)
    this.reason = reason
  }
}

/** What a task answers: threads clone results faithfully, and exceptions only in part. */
export type Outcome<A> =
  | { readonly ok: true; readonly value: A }
  | { readonly ok: false; readonly reason: FailureReason; readonly detail: string }

/** The outcome of a synchronous task: known failures as values, anything else thrown on. */
export const outcome = <A>(task: () => A): Outcome<A> => {
  try {
    return { ok: true, value: task() }
  } catch (thrown) {
    if (thrown instanceof DecodeFailure) return { ok: false, reason: thrown.reason, detail: thrown.message }
    if (thrown instanceof Part10Error) {
      const reason = thrown.reason === "too-large" || thrown.reason === "unsupported" ? thrown.reason : "corrupt"
      return { ok: false, reason, detail: thrown.message }
    }
    // Deleted since it was named.
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") {
      return { ok: false, reason: "missing", detail: "the file is gone" }
    }
    throw thrown
  }
}
