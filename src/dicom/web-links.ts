// Absolute addresses of stored objects (PS3.18 §8.2), as the caller can reach them.

type Headers = Readonly<Record<string, string | undefined>>

const hostPattern = /^[A-Za-z0-9.\-_:[\]]{1,255}$/

const servicePath = "/dicomweb"

/**
 * Base of the DICOMweb service without a final slash: below the configured prefix (unless it names the service
 * itself), else what a proxy says (RFC 7239 or X-Forwarded-*), else the Host header.
 */
export const serviceUrl = (publicUrl: string | undefined, headers: Headers): string => {
  if (publicUrl !== undefined && publicUrl !== "") {
    const prefix = publicUrl.replace(/\/+$/, "")
    return prefix.endsWith(servicePath) ? prefix : `${prefix}${servicePath}`
  }
  const forwarded = headers["forwarded"]?.split(",")[0] ?? ""
  const first = (name: string) => headers[name]?.split(",")[0]?.trim()
  const named = (name: string) => new RegExp(`(?:^|;)\\s*${name}="?([^";]+)"?`, "i").exec(forwarded)?.[1]?.trim()
  const hosts = [named("host"), first("x-forwarded-host"), first("host")]
  const host = hosts.find((value) => value !== undefined && hostPattern.test(value)) ?? "localhost"
  const proto = (named("proto") ?? first("x-forwarded-proto") ?? "http").toLowerCase()
  return `${proto === "https" ? "https" : "http"}://${host}${servicePath}`
}

export interface Uids {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID?: string | undefined
  readonly SOPInstanceUID?: string | undefined
}

export const retrieveUrl = (base: string, { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: Uids): string =>
  `${base}/studies/${StudyInstanceUID}` +
  (SeriesInstanceUID === undefined ? "" : `/series/${SeriesInstanceUID}`) +
  (SOPInstanceUID === undefined ? "" : `/instances/${SOPInstanceUID}`)
