// Callers by their client certificate, which TLS has verified against listener.tls.clientCa.
import type { IncomingMessage } from "node:http"
import { TLSSocket } from "node:tls"
import type { CertificateGrant } from "../config/access-settings.ts"
import type { Caller } from "../domain/caller.ts"
import { callerOf } from "./grants.ts"

const plainFingerprint = (text: string) => text.replaceAll(":", "").toLowerCase()

/** "CN=ct1, O=Hospital", and Node's one part a line, in one order. */
const plainSubject = (text: string) =>
  text
    .split(/\s*[\n,]\s*/)
    .filter((part) => part !== "")
    .sort()
    .join(",")

export const makeCertificates = (grants: ReadonlyArray<CertificateGrant>) => {
  const callers = grants.map((grant) => ({
    caller: callerOf(grant, "certificate"),
    fingerprint: grant.fingerprint === undefined ? undefined : plainFingerprint(grant.fingerprint),
    subject: grant.subject === undefined ? undefined : plainSubject(grant.subject),
  }))
  const look = (socket: TLSSocket): Caller | undefined => {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
    if (certificate === undefined) return undefined
    const fingerprint = plainFingerprint(certificate.fingerprint256)
    const subject = plainSubject(certificate.subject)
    return callers.find((one) => one.fingerprint === fingerprint || one.subject === subject)?.caller
  }
  // A connection has one certificate and many requests.
  const known = new WeakMap<TLSSocket, { readonly caller: Caller | undefined }>()
  return ({ socket }: Pick<IncomingMessage, "socket">): Caller | undefined => {
    if (callers.length === 0 || !(socket instanceof TLSSocket)) return undefined
    const found = known.get(socket) ?? { caller: look(socket) }
    known.set(socket, found)
    return found.caller
  }
}
