// The body of a store request to drafts on the disk, one per part, while it arrives.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { parseMediaType } from "../dicom/media-type.ts"
import { Blobs, type BlobError, type Draft } from "../ledger/Blobs.ts"
import { makeSplitter, type Piece } from "./multipart.ts"
import { FailureReason, type Outcome } from "./store-response.ts"

/** The request goes no further: what to answer, beside what was stored before. */
export interface Halt {
  readonly _tag: "Halt"
  readonly status: 400 | 413 | 503 | 507
  readonly error: string
}

/** A complete part. Its draft is gone with the scope unless committed. */
export interface Received {
  readonly _tag: "Received"
  readonly draft: Draft
  readonly scope: Scope.Closeable
}

export interface ReceiveLimits {
  readonly maxPartBytes: number
  readonly maxInstancesPerRequest: number
}

export const haltOf = (error: { readonly reason: string }): Halt =>
  error.reason === "disk-full"
    ? { _tag: "Halt", status: 507, error: "the disk is full" }
    : { _tag: "Halt", status: 503, error: "storage does not answer now; send again" }

type Item = Received | Outcome | Halt

interface Open {
  readonly draft?: Draft
  readonly scope?: Scope.Closeable
  bytes: number
}

/** Stops after the first Halt. Failures of the body itself (a caller that goes away) are a Halt too. */
export const receive = <E>(body: Stream.Stream<Uint8Array, E>, boundary: string, limits: ReceiveLimits) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const blobs = yield* Blobs
      const requestScope = yield* Effect.scope
      const splitter = makeSplitter(boundary)
      let open: Open | undefined
      let parts = 0
      let halted = false

      const begin = Effect.fnUntraced(function* (headers: ReadonlyMap<string, string>) {
        if (++parts > limits.maxInstancesPerRequest) {
          return { _tag: "Halt", status: 413, error: `more than ${limits.maxInstancesPerRequest} parts` } as const
        }
        const { type } = parseMediaType(headers.get("content-type") ?? "application/dicom")
        if (type !== "application/dicom") {
          open = { bytes: 0 }
          const detail = "a part is not application/dicom"
          return { _tag: "Refused", reason: FailureReason.cannotUnderstand, detail } as const
        }
        const scope = yield* Scope.fork(requestScope)
        open = { bytes: 0, scope, draft: yield* Scope.provide(blobs.draft, scope) }
        return undefined
      })

      const take = Effect.fnUntraced(function* (piece: Piece) {
        if (piece._tag === "Broken") return { _tag: "Halt", status: 400, error: piece.reason } as const
        if (piece._tag === "Head") return yield* begin(piece.headers)
        if (open === undefined) return undefined
        if (piece._tag === "Data") {
          open.bytes += piece.bytes.length
          if (open.bytes > limits.maxPartBytes) {
            return { _tag: "Halt", status: 413, error: `a part is longer than ${limits.maxPartBytes} bytes` } as const
          }
          if (open.draft !== undefined) yield* open.draft.write(piece.bytes)
          return undefined
        }
        const { draft, scope } = open
        open = undefined
        return draft === undefined || scope === undefined ? undefined : ({ _tag: "Received", draft, scope } as const)
      })

      const takeAll = Effect.fnUntraced(function* (pieces: ReadonlyArray<Piece>) {
        const items: Array<Item> = []
        for (const piece of pieces) {
          if (halted) break
          const item: Item | undefined = yield* Effect.catch(take(piece), (error: BlobError) =>
            Effect.succeed(haltOf(error)),
          )
          if (item === undefined) continue
          items.push(item)
          if (item._tag === "Halt") {
            halted = true
            if (open?.scope !== undefined) yield* Scope.close(open.scope, Exit.void)
          }
        }
        return items
      })

      const aborted: Halt = { _tag: "Halt", status: 400, error: "the body could not be read to its end" }
      return body.pipe(
        Stream.mapEffect((chunk) => takeAll(splitter.push(chunk))),
        Stream.concat(Stream.fromEffect(Effect.suspend(() => takeAll(splitter.end())))),
        Stream.catch(() => Stream.succeed<ReadonlyArray<Item>>([aborted])),
        Stream.takeUntil((items) => items.some(({ _tag }) => _tag === "Halt")),
        Stream.flatMap((items) => Stream.fromIterable(items)),
      )
    }),
  )
