// The parts of a store request to drafts on the disk, one after the other while they arrive.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Blobs, type BlobError, type Draft } from "../ledger/Blobs.ts"
import type { LedgerError } from "../ledger/Ledger.ts"
import type { MultipartError } from "./multipart-error.ts"
import type { Part } from "./parts.ts"
import type { Kept } from "./room.ts"
import type { Refused } from "./store-response.ts"

/** The request goes no further: what to answer, beside what was stored before. */
export class Halt extends Schema.TaggedError<Halt>()("Halt", {
  status: Schema.Literals([400, 408, 413, 415, 503, 507]),
  error: Schema.String,
}) {}

/** A complete part. Its draft is gone with the scope unless committed. */
export interface Received {
  readonly _tag: "Received"
  readonly bytes: number
  readonly draft: Draft
  readonly scope: Scope.Closeable
}

export interface ReceiveLimits {
  readonly maxPartBytes: number
  /** Around the work on each part: senders take turns. */
  readonly turn: (bytes: number) => <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** What is kept free for the request. */
  readonly room: Kept
}

export const diskFull = new Halt({ status: 507, error: "the disk is full" })

export const haltOf = (error: BlobError | LedgerError): Halt =>
  error.reason === "disk-full" ? diskFull : new Halt({ status: 503, error: "storage does not answer now; send again" })

const statusOf = {
  unsupported: 415,
  malformed: 400,
  "too-many-parts": 413,
  "too-large": 413,
  idle: 408,
  aborted: 400,
} as const

const broken = ({ reason, detail }: MultipartError): Halt => new Halt({ status: statusOf[reason], error: detail })

/** Bytes between two looks at the free space. */
const lookEvery = 64 * 2 ** 20

/** Writes the part's bytes and counts them. */
export const writePart = Effect.fnUntraced(function* (part: Part, draft: Draft, limits: ReceiveLimits) {
  let bytes = 0
  let lookAt = 0
  yield* Stream.runForEachArray(
    part.body,
    Effect.fnUntraced(function* (chunks) {
      for (const chunk of chunks) {
        bytes += chunk.length
        if (bytes > limits.maxPartBytes) {
          return yield* new Halt({ status: 413, error: `a part is longer than ${limits.maxPartBytes} bytes` })
        }
        if (bytes > lookAt) {
          yield* limits.room.look
          lookAt += lookEvery
        }
        yield* draft.write(chunk)
        limits.room.wrote(chunk.length)
      }
    }),
  )
  return bytes
})

const toDraft = Effect.fnUntraced(function* (part: Part, limits: ReceiveLimits, scope: Scope.Scope) {
  const draft = yield* Scope.provide((yield* Blobs).draft, scope)
  return { draft, bytes: yield* writePart(part, draft, limits) }
})

const receivePart = Effect.fnUntraced(function* (
  part: Part | Refused,
  limits: ReceiveLimits,
  requestScope: Scope.Scope,
) {
  if ("_tag" in part) return part
  const scope = yield* Scope.fork(requestScope)
  const { draft, bytes } = yield* toDraft(part, limits, scope).pipe(
    // An incomplete part leaves nothing behind, and does not wait for the end of the request to go.
    Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))),
  )
  const received: Received = { _tag: "Received", draft, bytes, scope }
  return received
})

/** Parts to store, and what could not be made one. */
export type InstanceParts<R> = Stream.Stream<Part | Refused, MultipartError | BlobError | Halt, R>

/** Ends with a Halt when the body cannot be taken to its end; the parts before it are complete all the same. */
export const receive = <R>(parts: InstanceParts<R>, limits: ReceiveLimits) =>
  Stream.unwrap(
    Effect.map(Effect.scope, (scope) =>
      parts.pipe(
        Stream.mapEffect((part) => receivePart(part, limits, scope)),
        Stream.catchTags({
          MultipartError: (error) => Stream.succeed(broken(error)),
          BlobError: (error) => Stream.succeed(haltOf(error)),
          Halt: (halt) => Stream.succeed(halt),
        }),
      ),
    ),
  )
