// What every request meets first and every answer gets last: canonical addresses, CORS, OPTIONS, 405, compression and
// the headers of the whole server.
import type { IncomingMessage } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { canonicalAddress } from "./address.ts"
import { policy, type CorsOptions } from "./cors.ts"
import { isBrowser, isOurHost } from "./hosts.ts"
import { allowed, finder, type Resource } from "./resources.ts"

export interface SurfaceOptions extends CorsOptions {
  readonly resources: ReadonlyArray<Resource>
  /** Answers a browser only when it asks for localhost, an IP address or `publicUrl`: where no sign-in keeps a rebound page out. */
  readonly ownHostsOnly?: boolean | undefined
  /** Describes a resource to OPTIONS; where it does not, the answer has the Allow header only. */
  readonly describe: (
    resource: Resource,
    request: HttpServerRequest.HttpServerRequest,
  ) => HttpServerResponse.HttpServerResponse | undefined
}

/** JSON and XML; never pictures, DICOM or multipart, nor event streams, which must not wait in a buffer. */
const isCompressible = (contentType: string) =>
  /^(?:application\/(?:json|xml)|[a-z]+\/[a-z0-9.-]+\+(?:json|xml)|text\/(?!event-stream)[a-z]+)\s*(?:;|$)/i.test(
    contentType,
  )

const compressed = HttpMiddleware.compression({
  algorithms: ["gzip", "br", "deflate"],
  levels: { gzip: 4, deflate: 4 },
  compressible: isCompressible,
})

const refused = (status: number, error: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.jsonUnsafe({ error }, { status, headers })

/** RFC 9112 §3.2; HTTP/1.0 knows no Host. */
const needsHost = (request: HttpServerRequest.HttpServerRequest) =>
  (NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage).httpVersion === "1.1"

const varyWith = (vary: string | undefined, more: ReadonlyArray<string>) =>
  [...(vary === undefined ? [] : [vary]), ...more].join(", ")

/** The patient's data stay out of caches, but for what its ETag lets a viewer ask again for. */
const cacheControl = (headers: Readonly<Record<string, string | undefined>>) =>
  headers["cache-control"] ?? (headers["etag"] === undefined ? "no-store" : "private, max-age=0, must-revalidate")

export const HttpSurface = (options: SurfaceOptions) => {
  const cors = policy(options)
  const find = finder(options.resources)
  const isAsked = options.ownHostsOnly === true ? isOurHost(options.publicUrl) : () => true

  const finish: HttpEffect.PreResponseHandler = (request, response) => {
    const varies = [...(cors.varies ? ["Origin"] : []), ...(response.headers["etag"] === undefined ? [] : ["Accept"])]
    return Effect.succeed(
      HttpServerResponse.setHeaders(response, {
        "x-content-type-options": "nosniff",
        "cache-control": cacheControl(response.headers),
        ...(varies.length === 0 ? {} : { vary: varyWith(response.headers["vary"], varies) }),
        ...cors.answerHeaders(request.headers["origin"]),
      }),
    )
  }

  /** What can be answered without asking who it is, or the request with its canonical address. */
  const meet = (request: HttpServerRequest.HttpServerRequest) => {
    const { method, headers } = request
    if (headers["host"] === undefined && needsHost(request)) {
      return refused(400, "the request has no Host header", { connection: "close" })
    }
    if (isBrowser(headers) && !isAsked(headers["host"])) {
      return refused(403, "the gateway is not known by this name; set listener.publicUrl")
    }
    if (cors.mustNot(method, headers)) return refused(403, "this page may not send requests to the gateway")
    if (request.url === "*" && method === "OPTIONS") {
      return HttpServerResponse.empty({ status: 204, headers: { allow: "GET, HEAD, POST, PUT, DELETE, OPTIONS" } })
    }
    const url = canonicalAddress(request.url)
    if (url === undefined) return refused(400, "the address is malformed")
    const path = url.split("?", 1)[0]!
    const resource = find(path)
    const origin = headers["origin"]
    const preflight = headers["access-control-request-method"] !== undefined
    if (method === "OPTIONS" && preflight && origin !== undefined && cors.isAllowed(origin)) {
      const methods = resource === undefined ? "GET, HEAD, POST, PUT, DELETE" : allowed(resource)
      return HttpServerResponse.empty({ status: 204, headers: cors.preflightHeaders(headers, methods) })
    }
    if (resource === undefined) return request.modify({ url })
    if (method === "OPTIONS") {
      const described = options.describe(resource, request) ?? HttpServerResponse.empty({ status: 204 })
      return HttpServerResponse.setHeader(described, "allow", allowed(resource))
    }
    const known = resource.methods.has(method === "HEAD" ? "GET" : method)
    if (known) return request.modify({ url })
    return refused(405, `${method} does not work here; see the Allow header`, { allow: allowed(resource) })
  }

  return HttpRouter.middleware(
    (handler) =>
      compressed(
        Effect.gen(function* () {
          yield* HttpEffect.appendPreResponseHandler(finish)
          const met = meet(yield* HttpServerRequest.HttpServerRequest)
          if (HttpServerResponse.isHttpServerResponse(met)) return met
          return yield* Effect.provideService(handler, HttpServerRequest.HttpServerRequest, met)
        }),
      ),
    { global: true },
  )
}
