// Which pages in browsers may ask (Fetch standard, CORS protocol), and which must not even send.
import type * as Headers from "effect/http/Headers"
import { isUnnamed } from "./hosts.ts"

export interface CorsOptions {
  /** Exact origins, or `*` for every one. */
  readonly corsOrigins: ReadonlyArray<string>
  /** Where callers reach the gateway, when it knows: its origin is ours. */
  readonly publicUrl?: string | undefined
}

/** What a viewer reads of an answer beside the safelisted headers. */
const exposed =
  "ETag, Warning, Content-Location, Location, Content-Range, Accept-Ranges, Retry-After, WWW-Authenticate, Allow"

const usualHeaders = "Accept, Authorization, Content-Type, Expect-Instances, If-None-Match, Range"
const maxAgeSeconds = 7200
const headerNames = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*$/

const originOf = (url: string | undefined) => (url === undefined ? undefined : URL.parse(url)?.origin)

export const policy = ({ corsOrigins, publicUrl }: CorsOptions) => {
  const everyone = corsOrigins.includes("*")
  const listed = new Set(corsOrigins.map((origin) => origin.toLowerCase()))
  const ours = originOf(publicUrl)
  const isAllowed = (origin: string) => everyone || listed.has(origin.toLowerCase())

  /** A page that we served ourselves, or that the proxy before us did. Host alone is no proof: DNS can be rebound. */
  const isOurs = (origin: string, host: string | undefined) => {
    const from = URL.parse(origin)
    if (from === null) return false
    return from.origin === ours || (from.host === host?.toLowerCase() && isUnnamed(from.hostname))
  }

  return {
    isAllowed,

    /** Depends on the origin, so a cache must know (only where some origin is allowed and not all are). */
    varies: !everyone && listed.size > 0,

    /**
     * Browsers send simple requests and open WebSockets before anybody allows them: what changes something and comes
     * from a stranger's page is refused, whatever it would have been answered.
     */
    mustNot: (method: string, headers: Headers.Headers) => {
      const origin = headers["origin"]
      if (origin === undefined) return false
      const changes = !["GET", "HEAD", "OPTIONS"].includes(method) || headers["upgrade"] !== undefined
      return changes && !isAllowed(origin) && !isOurs(origin, headers["host"])
    },

    answerHeaders: (origin: string | undefined): Readonly<Record<string, string>> =>
      origin === undefined || !isAllowed(origin)
        ? {}
        : {
            "access-control-allow-origin": everyone ? "*" : origin,
            ...(everyone ? {} : { "access-control-allow-credentials": "true" }),
            "access-control-expose-headers": exposed,
          },

    preflightHeaders: (headers: Headers.Headers, methods: string): Readonly<Record<string, string>> => {
      const asked = headers["access-control-request-headers"]
      const echoed = asked !== undefined && asked.length <= 4096 && headerNames.test(asked) ? asked : usualHeaders
      return {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": echoed,
        "access-control-max-age": String(maxAgeSeconds),
        vary: "Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
        ...(headers["access-control-request-private-network"] === "true"
          ? { "access-control-allow-private-network": "true" }
          : {}),
      }
    },
  }
}
