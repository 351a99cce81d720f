// What an Accept value takes of parts (PS3.18 §8.7.3): in which form, of which type, in which transfer syntax.
import { parseAccept } from "../dicom/media-type.ts"

export interface Wanted {
  readonly form: "multipart" | "single"
  /** Range of the parts' type, such as `image/*`. */
  readonly type: string
  /** `*`: as stored; undefined: the default of the type. */
  readonly transferSyntax: string | undefined
}

/** Best first. `anything`: the form that a caller gets who takes whatever comes. */
export const wantedParts = (
  accept: string | undefined,
  anything: Wanted["form"] = "multipart",
): ReadonlyArray<Wanted> =>
  parseAccept(accept).map(({ type, parameters }): Wanted => {
    const syntax = parameters.get("transfer-syntax")?.trim()
    const transferSyntax = syntax === "" ? undefined : syntax
    if (type === "*/*" || type === "*") return { form: anything, type: "*/*", transferSyntax }
    return type === "multipart/related" || type === "multipart/*"
      ? { form: "multipart", type: parameters.get("type")?.trim().toLowerCase() ?? "*/*", transferSyntax }
      : { form: "single", type, transferSyntax }
  })
