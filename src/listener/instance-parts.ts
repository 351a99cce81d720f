// What a store request carries (PS3.18 §10.5.1, §8.6): files in multipart/related, one file by itself, or metadata with bulk
// data. Whatever it is, it becomes a stream of files.
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Stream from "effect/Stream"
import { parseMediaType } from "../dicom/media-type.ts"
import { metadataInstances, metadataTypes, plainJson } from "./metadata-instances.ts"
import { boundaryOf, type Part, type PartLimits, splitParts } from "./parts.ts"
import type { InstanceParts, ReceiveLimits } from "./receive.ts"
import { requestBody } from "./request-body.ts"
import { FailureReason, type Refused } from "./store-response.ts"

const dicom = "application/dicom"
const identity = new Set(["", "binary", "8bit", "7bit"])

const refused = (detail: string): Refused => ({ _tag: "Refused", reason: FailureReason.cannotUnderstand, detail })

/** A part is refused by itself; the others of its request are not touched. */
const checked = (part: Part | Refused): Part | Refused => {
  if ("_tag" in part) return part
  if (part.mediaType.type !== dicom) return refused("the part is not application/dicom")
  const encoded = (name: string) => !identity.has(part.headers.get(name)?.toLowerCase() ?? "")
  return encoded("content-transfer-encoding") || encoded("content-encoding")
    ? refused("the part is encoded; send it as binary")
    : part
}

/** `base`: of the service, to which relative references are relative. */
export const instanceParts = (
  request: HttpServerRequest.HttpServerRequest,
  base: string,
  limits: PartLimits & ReceiveLimits,
) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const contentType = request.headers["content-type"]
      const mediaType = parseMediaType(contentType ?? "")
      const body = requestBody(request, limits.idleMillis)
      const single = mediaType.type === dicom || metadataTypes.has(mediaType.type)
      const headers = new Map([["content-type", contentType ?? ""]])
      const parts = single
        ? Stream.succeed<Part>({ headers, mediaType, body })
        : splitParts(body, yield* boundaryOf(contentType, dicom, ...metadataTypes, plainJson), limits.maxParts)
      const root = single ? mediaType.type : mediaType.parameters.get("type")?.toLowerCase()
      // Files go straight to their drafts.
      const files = root === dicom ? parts : metadataInstances(parts, `${base}/studies/`, limits)
      return Stream.map(files, checked)
    }),
  ) satisfies InstanceParts<unknown>
