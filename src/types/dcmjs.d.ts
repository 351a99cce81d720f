// The little of dcmjs that is used here; the package ships no types.
declare module "dcmjs" {
  interface DcmjsData {
    /** Writes a naturalised data set with its `_meta` and `_vrMap` as Part 10. Logs to the console what it repairs. */
    readonly datasetToBuffer: (dataset: object) => Buffer
  }
  const dcmjs: {
    readonly data: DcmjsData
    readonly log: { readonly setLevel: (level: string) => void }
  }
  export default dcmjs
}
