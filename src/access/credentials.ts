// The secret that a request carries: an API key or a token, in one of the ways that clients know.

type Headers = Readonly<Record<string, string | undefined>>

/** Longer ones are nobody's; a token with many groups has some thousand characters. */
const maxSecretLength = 16_384

/** RFC 7617: the password is the key; clients that have no other way put anything for the user. */
const passwordOf = (encoded: string): string => {
  const text = Buffer.from(encoded, "base64").toString("utf8")
  const colon = text.indexOf(":")
  return colon < 0 ? "" : text.slice(colon + 1)
}

/** Of an Authorization header's value. */
const ofAuthorization = (value: string): string | undefined => {
  const [, scheme = "", rest = ""] = /^(\S+) +(\S+) *$/.exec(value) ?? []
  switch (scheme.toLowerCase()) {
    case "bearer":
      return rest
    case "basic":
      return passwordOf(rest)
    default:
      return undefined
  }
}

/** A page cannot set headers on a WebSocket: it offers a second subprotocol, `bearer.` and the secret. */
const ofSubprotocol = (headers: Headers): string | undefined =>
  headers["upgrade"]?.toLowerCase() === "websocket"
    ? /(?:^|,)\s*bearer\.([^\s,]+)\s*(?:,|$)/.exec(headers["sec-websocket-protocol"] ?? "")?.[1]
    : undefined

/** Undefined when nothing of the kind was sent. An X-Api-Key is meant for us; Authorization may be a proxy's in front. */
export const secretOf = (headers: Headers): string | undefined => {
  const { authorization } = headers
  const secret =
    headers["x-api-key"]?.trim() ??
    (authorization === undefined ? undefined : ofAuthorization(authorization.trim())) ??
    ofSubprotocol(headers)
  return secret === undefined || secret.length <= maxSecretLength ? secret : ""
}
