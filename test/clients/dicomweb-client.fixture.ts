// The npm dicomweb-client on Node: it wants a browser's XMLHttpRequest, which xhr2 gives.
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)
Object.assign(globalThis, { XMLHttpRequest: (require("xhr2") as { XMLHttpRequest: unknown }).XMLHttpRequest })

/** What the client makes of a part: the bytes, and what its header said. */
export type PartBytes = ArrayBuffer & { readonly contentType?: string; readonly transferSyntaxUID?: string }
type Options = Readonly<Record<string, unknown>>
type DicomJson = Readonly<
  Record<string, { readonly vr: string; readonly Value?: ReadonlyArray<unknown>; readonly BulkDataURI?: string }>
>

export interface DicomwebClient {
  readonly searchForStudies: (options?: Options) => Promise<ReadonlyArray<DicomJson>>
  readonly searchForSeries: (options?: Options) => Promise<ReadonlyArray<DicomJson>>
  readonly searchForInstances: (options?: Options) => Promise<ReadonlyArray<DicomJson>>
  readonly retrieveStudyMetadata: (options: Options) => Promise<ReadonlyArray<DicomJson>>
  readonly retrieveSeriesMetadata: (options: Options) => Promise<ReadonlyArray<DicomJson>>
  readonly retrieveInstanceMetadata: (options: Options) => Promise<ReadonlyArray<DicomJson>>
  readonly retrieveStudy: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveSeries: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveInstance: (options: Options) => Promise<PartBytes>
  readonly retrieveInstanceFrames: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveInstanceRendered: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveInstanceThumbnail: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveInstanceFramesRendered: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveInstanceFramesThumbnail: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly retrieveBulkData: (options: Options) => Promise<ReadonlyArray<PartBytes>>
  readonly storeInstances: (options: Options) => Promise<unknown>
  readonly buildInstanceWadoURIUrl: (options: Options) => string
}

interface Package {
  readonly api: { readonly DICOMwebClient: new (options: object) => DicomwebClient }
}

export const dicomwebClient = (options: {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly singlepart?: boolean | string
}): DicomwebClient => new (require("dicomweb-client") as Package).api.DICOMwebClient({ verbose: false, ...options })
