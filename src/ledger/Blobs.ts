// The received files, byte for byte, one blob per digest.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Digest } from "../domain/instance.ts"

export class BlobError extends Schema.TaggedError<BlobError>()("BlobError", {
  reason: Schema.Literals(["disk-full", "missing", "io"]),
  cause: Schema.Defect(),
}) {}

/** A blob under construction; gone with its scope unless committed. */
export interface Draft {
  /** Takes the chunk over: it must not be changed afterwards. */
  readonly write: (chunk: Uint8Array) => Effect.Effect<void, BlobError>
  /** All that was written so far, wherever it is; not to be held on to beyond the commit. */
  readonly content: Effect.Effect<{ readonly bytes: Uint8Array } | { readonly path: string }, BlobError>
  /** Path of a file with all that was written so far. */
  readonly asFile: Effect.Effect<string, BlobError>
  /** File and folder entry are fsynced under the digest's name when it succeeds. Committing known content again is fine. The blob cannot be removed before the draft's scope closes: keep it open until the ledger has accepted. */
  readonly commit: Effect.Effect<{ readonly digest: Digest; readonly bytes: number }, BlobError>
}

export class Blobs extends Context.Service<
  Blobs,
  {
    readonly draft: Effect.Effect<Draft, BlobError, Scope.Scope>
    /** Local path for stages that read by offset. */
    readonly path: (digest: Digest) => string
    readonly read: (
      digest: Digest,
      range?: { readonly offset: number; readonly length: number },
    ) => Stream.Stream<Uint8Array, BlobError>
    /** Removes the blob unless an open draft has committed the same bytes, or `isNamed` says the ledger names it. */
    readonly remove: <E>(digest: Digest, isNamed: Effect.Effect<boolean, E>) => Effect.Effect<boolean, BlobError | E>
    /** An open draft has committed these bytes: the ledger may be about to name them. */
    readonly isPinned: (digest: Digest) => Effect.Effect<boolean>
    /** Bytes of the blob on the disk; undefined when it is not there. */
    readonly size: (digest: Digest) => Effect.Effect<number | undefined, BlobError>
    /** Its file makes room for the right bytes, which may be sent again; it is kept in `blobs/damaged`. False when it was gone. */
    readonly setAside: (digest: Digest) => Effect.Effect<boolean, BlobError>
    readonly list: Stream.Stream<Digest, BlobError>
    /** Free bytes on the disk that has least, of those that are written to. */
    readonly free: Effect.Effect<number, BlobError>
  }
>()("gateway/ledger/Blobs") {}
