// A lean STOW sender: bodies made beforehand, connections kept, nothing but socket writes while the clock runs, so that
// it measures the receiver. (An HTTP client costs several times the CPU on cores that the receiver needs.)
import { connect, type Socket } from "node:net"
import { setTimeout } from "node:timers/promises"
import { Effect } from "effect"
import { stowBody, stowType } from "../support/gateway.ts"

export interface Prepared {
  readonly body: Buffer
  readonly instances: number
}

export const prepare = (files: ReadonlyArray<Buffer>): Prepared => ({ body: stowBody(files), instances: files.length })

/** Length of the first answer in the bytes, or undefined while some of it is missing. */
const answerOf = (bytes: Buffer): { readonly status: number; readonly length: number } | undefined => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const head = bytes.toString("latin1", 0, end)
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1])
  if (status === 100) return { status, length: end + 4 }
  const announced = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (announced !== undefined) {
    const length = end + 4 + Number(announced)
    return bytes.length < length ? undefined : { status, length }
  }
  // Chunked: the last chunk ends it.
  const last = bytes.indexOf("0\r\n\r\n", end)
  return last < 0 ? undefined : { status, length: last + 5 }
}

/** One request on the connection; resolves with the status once the whole answer is there. */
const exchange = (socket: Socket, head: Buffer, body: Buffer) =>
  new Promise<number>((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0)
    const settle = (finish: () => void) => {
      socket.off("data", take).off("error", reject).off("close", closed)
      finish()
    }
    const closed = () => settle(() => reject(new Error("the connection was closed before the answer")))
    const take = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      for (let answer = answerOf(bytes); answer !== undefined; answer = answerOf(bytes)) {
        const { status, length } = answer
        bytes = bytes.subarray(length)
        if (status !== 100) return settle(() => resolve(status))
      }
    }
    socket.on("data", take).once("error", reject).once("close", closed)
    socket.cork()
    socket.write(head)
    socket.write(body)
    socket.uncork()
  })

/** A sender who is told to come again does. */
const patience = 1000

/** Sends all to the store service with so many connections; fails unless each is answered 200 in the end. */
export const sendAll = (studies: string, requests: Iterable<Prepared>, connections: number) =>
  Effect.tryPromise(async () => {
    const { hostname, port, pathname, host } = new URL(studies)
    const waiting = requests[Symbol.iterator]()
    const open = () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      // Whoever waits for an answer hears of it too.
      return socket.on("error", () => undefined)
    }
    const run = async () => {
      let socket = open()
      try {
        for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
          const { body } = next.value
          const head = Buffer.from(
            `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/dicom+json\r\nContent-Type: ${stowType}\r\nContent-Length: ${body.length}\r\n\r\n`,
          )
          let status = await exchange(socket, head, body)
          while (status === 503) {
            // The body was not read to its end: that connection is of no more use.
            socket.destroy()
            await setTimeout(patience)
            socket = open()
            status = await exchange(socket, head, body)
          }
          if (status !== 200) throw new Error(`STOW answered ${status}`)
        }
      } finally {
        socket.destroy()
      }
    }
    await Promise.all(Array.from({ length: connections }, run))
  })
