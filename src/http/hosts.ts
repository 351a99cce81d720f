// Names under which a browser may ask for us. A page whose own name is made to point here (DNS rebinding) is of the same
// origin as we are, so CORS does not keep it out; the Host header, which no page can set, does.

/** A name that nobody else's DNS can make point here. */
export const isUnnamed = (hostname: string) =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname.startsWith("[") ||
  /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(hostname)

/**
 * Whether a browser may have sent it. Pages can add headers and, in some browsers, say another User-Agent, but none can
 * take away Accept-Language or what the browser says of the fetch. Tools behind a proxy that hands on its own name send
 * neither, and are no page.
 */
export const isBrowser = (headers: Readonly<Record<string, string | undefined>>) =>
  headers["accept-language"] !== undefined ||
  headers["sec-fetch-site"] !== undefined ||
  headers["sec-fetch-mode"] !== undefined ||
  headers["origin"] !== undefined ||
  /^mozilla/i.test(headers["user-agent"] ?? "")

/**
 * Whether a request with this Host is meant for us: localhost, an IP address, or the name of `publicUrl`. Forwarded
 * headers prove nothing here, a page may set them. Browsers always send Host; HTTP/1.0 needs none.
 */
export const isOurHost = (publicUrl: string | undefined) => {
  const ours = publicUrl === undefined ? undefined : URL.parse(publicUrl)?.hostname
  return (host: string | undefined): boolean => {
    if (host === undefined) return true
    const hostname = URL.parse(`http://${host}`)?.hostname
    return hostname !== undefined && (hostname === ours || isUnnamed(hostname))
  }
}
