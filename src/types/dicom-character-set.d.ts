// The little of dicom-character-set that is used here; the package ships no types.
declare module "dicom-character-set" {
  /** Throws on a character set it does not know. */
  export const convertBytes: (
    specificCharacterSet: string | undefined,
    bytes: Uint8Array,
    options?: { readonly vr?: string },
  ) => string
}
