// Answers to who may not: 401 with a challenge (RFC 6750 §3), 403, 429, and the sentences that go with them.
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Action } from "../domain/caller.ts"
import type { SignInError } from "./SignIn.ts"

const realm = 'realm="region-gateway"'

/** As the API's own errors look, so that its typed client can read them. */
const said = (status: number, error: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.jsonUnsafe({ error }, { status, headers: { "cache-control": "no-store", ...headers } })

/** A browser would ask for a password when a script's request is answered with a Basic challenge. */
const isScript = (headers: Readonly<Record<string, string | undefined>>) =>
  headers["origin"] !== undefined || headers["sec-fetch-mode"] !== undefined

const challenge = (error: SignInError, basic: boolean) => {
  const bearer = `Bearer ${realm}${error.reason === "refused" ? `, error="invalid_token", error_description="${error.message}"` : ""}`
  return basic ? `${bearer}, Basic ${realm}, charset="UTF-8"` : bearer
}

export const unauthenticated = (
  error: SignInError,
  takesKeys: boolean,
  headers: Readonly<Record<string, string | undefined>>,
) =>
  error.reason === "away"
    ? said(503, error.message, { "retry-after": "5" })
    : said(401, error.message, { "www-authenticate": challenge(error, takesKeys && !isScript(headers)) })

export const insufficient = (needs: Action, scope: string) =>
  said(403, `this needs the right to ${needs}`, {
    "www-authenticate": `Bearer ${realm}, error="insufficient_scope", scope="${scope}"`,
  })

/** The same for what is not there and what the route table does not know. */
export const unknownRoute = said(404, "there is nothing under this address and method")

export const tooMany = (seconds: number) =>
  said(429, "too many requests; try again later", { "retry-after": String(seconds) })

export const tooLong = (most: number) => said(413, `the body is longer than ${most} bytes`, { connection: "close" })

/** Names beyond count are a flood, whatever their size (RFC 6585 §5). */
export const tooManyHeaders = said(431, "the request has too many headers")
