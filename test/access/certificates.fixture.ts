// Certificates of a test's own authority, made by openssl, and requests that use them.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { request } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ConnectionOptions, TLSSocket } from "node:tls"
import { Effect } from "effect"

const openssl = (...args: ReadonlyArray<string>) => execFileSync("openssl", [...args], { stdio: "pipe" })

/** An authority, and files of certificates that it signs. */
export const authority = Effect.gen(function* () {
  const dir = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "tls-"))),
    (dir) => Effect.sync(() => rmSync(dir, { recursive: true })),
  )
  const at = (name: string) => join(dir, name)
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] as const
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.crt"),
    "-subj",
    "/CN=Test authority",
    "-days",
    "2",
  )
  return {
    at,
    ca: readFileSync(at("ca.crt")),
    /** Writes `<file>.crt` and `<file>.key`. */
    issue: (file: string, subject: string) => {
      const signed = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-subj", subject, "-days", "2"]
      const usable = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
      openssl("req", "-x509", ...newKey, "-keyout", at(`${file}.key`), "-out", at(`${file}.crt`), ...signed, ...usable)
      return { cert: readFileSync(at(`${file}.crt`)), key: readFileSync(at(`${file}.key`)) }
    },
  }
})

export interface Answer {
  readonly status: number
  readonly text: string
  /** Common name of the server's certificate. */
  readonly server: string
  readonly protocol: string | null
}

/** A request on a connection of its own; fails when there is none. */
export const ask = (url: string, options: ConnectionOptions, headers: Readonly<Record<string, string>> = {}) =>
  Effect.callback<Answer, Error>((resume) => {
    const asked = request(url, { ...options, headers, agent: false }, (response) => {
      const socket = response.socket as TLSSocket
      const [server, protocol] = [String(socket.getPeerCertificate().subject.CN), socket.getProtocol()]
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text, server, protocol })))
      response.on("error", (error) => resume(Effect.fail(error)))
    })
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end()
  })
