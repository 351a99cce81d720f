// Worker module: what is read of a request's content that may take seconds.
import { DataSetError } from "../dicom/data-set-error.ts"
import { Part10Error, type Part10Reason } from "../dicom/part10-error.ts"
import { type Composed, composeInstances, type MetadataJob } from "./compose-instances.ts"
import { type FileContent, headerLimits, readHeader } from "./header.ts"

/** Failures travel as values: an Error loses its class between threads. */
export type HeaderAnswer =
  /** `attributes`: as JSON, which the other side reads faster than it clones a map. */
  | { readonly attributes: string; readonly TransferSyntaxUID: string; readonly isCut: boolean }
  | { readonly reason: Part10Reason; readonly detail: string }

export const header = (content: FileContent): HeaderAnswer => {
  try {
    const { attributes, ...rest } = readHeader(content, headerLimits)
    return { ...rest, attributes: JSON.stringify(attributes) }
  } catch (thrown) {
    if (thrown instanceof Part10Error) return { reason: thrown.reason, detail: thrown.detail }
    throw thrown
  }
}

export type ComposeAnswer = { readonly instances: ReadonlyArray<Composed> } | { readonly detail: string }

export const compose = (job: MetadataJob): ComposeAnswer => {
  try {
    return { instances: composeInstances(job) }
  } catch (thrown) {
    if (thrown instanceof DataSetError) return { detail: thrown.detail }
    throw thrown
  }
}
