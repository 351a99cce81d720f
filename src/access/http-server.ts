// Node's HTTP or HTTPS server with its limits, and certificates that are read again when they change.
import { readFileSync } from "node:fs"
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createSecureServer, type Server as SecureServer } from "node:https"
import { createSecureContext, type SecureContextOptions } from "node:tls"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ListenerSettings, TlsSettings } from "../config/listener-settings.ts"

/** The files that TLS is configured with cannot be used. */
export class TlsError extends Schema.TaggedError<TlsError>()("TlsError", { message: Schema.String }) {}

/** Longer than proxies keep a connection (nginx: 60 s), so that they never send into one that is just being closed. */
const keepAliveTimeout = 75_000

/** The files are looked at so often; SIGHUP looks at once. */
const lookEvery = "2 seconds"

export const isSecure = ({ tls }: ListenerSettings): boolean => tls.certificate !== ""

const read = (path: string) => (path === "" ? undefined : readFileSync(path))

/** Throws what is wrong with the files. */
const contextOf = ({ certificate, key, clientCa }: TlsSettings): SecureContextOptions => {
  const ca = read(clientCa)
  const options = {
    cert: read(certificate),
    key: read(key),
    ...(ca === undefined ? {} : { ca }),
    minVersion: "TLSv1.2",
  } as const
  createSecureContext(options)
  return options
}

const same = (a: SecureContextOptions, b: SecureContextOptions) =>
  String(a.cert) === String(b.cert) && String(a.key) === String(b.key) && String(a.ca) === String(b.ca)

/** Connections that are open keep what they began with; a file that is wrong keeps the old one in force. */
const reloading = Effect.fnUntraced(function* (server: SecureServer, tls: TlsSettings, first: SecureContextOptions) {
  let current = first
  let complained = ""
  const look = Effect.gen(function* () {
    const next = yield* Effect.try({ try: () => contextOf(tls), catch: (cause) => String(cause) })
    complained = ""
    if (same(current, next)) return
    server.setSecureContext(next)
    current = next
    yield* Effect.logInfo("TLS certificate read again", { certificate: tls.certificate })
  }).pipe(
    Effect.catch((why) =>
      Effect.suspend(() => {
        if (why === complained) return Effect.void
        complained = why
        return Effect.logError("the TLS files cannot be used; the certificate in force stays", { why })
      }),
    ),
  )
  const context = yield* Effect.context<never>()
  const hangUp = () => void Effect.runForkWith(context)(look)
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", hangUp)),
    () => Effect.sync(() => process.off("SIGHUP", hangUp)),
  )
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(lookEvery), look)))
})

/** Who expects to be told to continue is no "request" to Node. */
const onEvery = (server: Server, listener: RequestListener) =>
  server.on("request", listener).on("checkContinue", listener)

/**
 * Bodies have no limit as a whole: a large upload may take hours, and idle bodies are ended by STOW itself. While it
 * stops, connections that are kept alive are closed after the answer in hand; they would be waited for otherwise.
 */
const limited = (server: Server, { maxConnections }: ListenerSettings) => {
  server.maxConnections = maxConnections
  return onEvery(server, (_, response) => {
    if (!server.listening) response.setHeader("connection", "close")
    response.once("finish", () => setImmediate(() => server.listening || server.closeIdleConnections()))
  })
}

/** Not listening yet. Its certificates are watched until the scope closes. */
export const httpServer = Effect.fnUntraced(function* (listener: ListenerSettings) {
  const options = {
    requestTimeout: 0,
    headersTimeout: listener.headerSeconds * 1000,
    connectionsCheckingInterval: 5000,
    maxHeaderSize: listener.maxHeaderBytes,
    keepAliveTimeout,
    // Refused where every request is met first, as JSON.
    requireHostHeader: false,
  }
  if (!isSecure(listener)) return limited(createServer(options), listener)
  const { tls } = listener
  const context = yield* Effect.try({
    try: () => contextOf(tls),
    catch: (cause) => new TlsError({ message: `listener.tls: the files cannot be used (${String(cause)})` }),
  })
  const server = createSecureServer({
    ...options,
    ...context,
    requestCert: tls.clientCertificates !== "none",
    rejectUnauthorized: tls.clientCertificates === "required",
    handshakeTimeout: listener.headerSeconds * 1000,
  })
  // Absolute addresses in answers are made from what a proxy says, else from what the caller used: that was https.
  onEvery(server, ({ headers }) => {
    if (headers["forwarded"] === undefined) headers["x-forwarded-proto"] ??= "https"
  })
  yield* reloading(server, tls, context)
  return limited(server, listener)
})
