// The part of ws that the worklist's event channel uses; the package ships no types.
declare module "ws" {
  import type { IncomingMessage } from "node:http"
  import type { Duplex } from "node:stream"

  export class WebSocket {
    constructor(
      address: string,
      protocols?: ReadonlyArray<string>,
      options?: { readonly autoPong?: boolean; readonly headers?: Readonly<Record<string, string>> },
    )
    readonly protocol: string
    readonly readyState: number
    send(text: string, sent?: (error?: Error) => void): void
    ping(payload: string): void
    close(code?: number, reason?: string): void
    terminate(): void
    pause(): void
    on(event: "pong" | "ping", listener: (payload: Buffer) => void): this
    on(event: "message", listener: (data: Buffer) => void): this
    on(event: "close", listener: (code: number) => void): this
    on(event: "error", listener: (error: Error) => void): this
    on(event: "open", listener: () => void): this
    on(event: "unexpected-response", listener: (request: unknown, response: IncomingMessage) => void): this
  }

  export class WebSocketServer {
    constructor(options: {
      readonly noServer: true
      readonly maxPayload: number
      readonly handleProtocols: (offered: Set<string>) => string | false
    })
    handleUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer, done: (socket: WebSocket) => void): void
  }
}
