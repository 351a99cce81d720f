// What is no HTTP gets its refusal as JSON too, like everything else; node's own answers are empty.
import type { Server } from "node:http"
import type { Duplex } from "node:stream"

const refusals: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "address and headers are too long"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ["413 Payload Too Large", "the chunk extensions are too long"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request did not come in time"],
}
const malformed = ["400 Bad Request", "the request is no HTTP"] as const

/** The answer that node is in the middle of on this socket; nothing may be written into it. */
const begun = (socket: Duplex & { readonly _httpMessage?: { readonly headersSent?: boolean } | null }) =>
  socket._httpMessage?.headersSent === true

/** A reset while bytes are under way would take the answer along; whoever has not read it by then goes without. */
const graceMillis = 500

export const answerBrokenRequests = (server: Server): Server => {
  const ending = new WeakSet<Duplex>()
  return server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // What comes behind the answer is no HTTP either.
    if (ending.has(socket)) return
    if (error.code === "ECONNRESET" || !socket.writable || begun(socket)) {
      socket.destroy()
      return
    }
    const [status, sentence] = refusals[error.code ?? ""] ?? malformed
    const body = JSON.stringify({ error: sentence })
    socket.end(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
        `x-content-type-options: nosniff\r\nconnection: close\r\n\r\n${body}`,
    )
    ending.add(socket)
    const timer = setTimeout(() => socket.destroy(), graceMillis)
    socket.once("close", () => clearTimeout(timer))
  })
}
