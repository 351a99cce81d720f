// Folders of DICOM files into a DICOMweb service: batches of files, several requests at a time.
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type DicomFile, dicomFile } from "./dicom-file.ts"
import { type Failure, stow, type StowOptions } from "./stow.ts"

export interface LoadOptions extends StowOptions {
  /** Requests under way at the same time. */
  readonly concurrency: number
  /** Files a request. */
  readonly batch: number
  /** Told of each file once it is stored, failed or skipped. */
  readonly onFile?: (progress: {
    readonly files: number
    readonly bytes: number
    readonly seconds: number
  }) => Effect.Effect<void>
}

export interface LoadSummary {
  readonly stored: number
  readonly failed: ReadonlyArray<Failure>
  /** Files that are no DICOM. */
  readonly skipped: number
  /** Bytes of the stored files. */
  readonly bytes: number
  readonly seconds: number
}

export const loadDefaults = { concurrency: 4, batch: 20, retries: 8 } as const

/** A folder cannot be walked. */
export class FolderError extends Schema.TaggedError<FolderError>()("FolderError", { message: Schema.String }) {}

const walk = (root: string) =>
  Effect.tryPromise({
    try: () => readdir(root, { recursive: true, withFileTypes: true }),
    catch: () => new FolderError({ message: `${root} cannot be read` }),
  }).pipe(
    Effect.map((entries) => entries.filter((entry) => !entry.isDirectory())),
    Effect.map((files) => files.map(({ parentPath, name }) => join(parentPath, name)).toSorted()),
  )

/** Every file below the folders, in order; a name that is a file stands for itself. */
export const filesBelow = Effect.fnUntraced(function* (roots: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const found: Array<string> = []
  for (const root of roots) {
    const { type } = yield* fs
      .stat(root)
      .pipe(Effect.mapError(() => new FolderError({ message: `${root} cannot be read` })))
    for (const file of type === "Directory" ? yield* walk(root) : [root]) found.push(file)
  }
  return found
})

/** Sends the DICOM files among `paths`. What fails is told in the summary; nothing is thrown. */
export const loadFiles = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, options: LoadOptions) {
  const start = yield* Clock.currentTimeMillis
  const failed: Array<Failure> = []
  const [done, sum] = [{ files: 0, skipped: 0, stored: 0 }, { bytes: 0 }]
  const seconds = Effect.map(Clock.currentTimeMillis, (now) => (now - start) / 1000)
  const report = Effect.fnUntraced(function* (count: number) {
    for (let n = 0; n < count; n++) {
      done.files++
      yield* options.onFile?.({ files: done.files, bytes: sum.bytes, seconds: yield* seconds }) ?? Effect.void
    }
  })
  const send = Effect.fnUntraced(function* (files: ReadonlyArray<DicomFile>) {
    const failures = yield* stow(files, options)
    const lost = new Set(failures.map(({ path }) => path))
    failed.push(...failures)
    for (const { path, bytes } of files) {
      if (lost.has(path)) continue
      done.stored++
      sum.bytes += bytes
    }
    yield* report(files.length)
  })
  yield* Stream.fromIterable(paths).pipe(
    Stream.mapEffect(dicomFile, { concurrency: options.concurrency }),
    Stream.mapEffect((file) =>
      Option.isSome(file)
        ? Effect.succeed([file.value])
        : Effect.sync(() => void done.skipped++).pipe(
            Effect.andThen(report(1)),
            Effect.as<ReadonlyArray<DicomFile>>([]),
          ),
    ),
    Stream.flatMap(Stream.fromIterable),
    Stream.grouped(options.batch),
    Stream.mapEffect(send, { concurrency: options.concurrency, unordered: true }),
    Stream.runDrain,
  )
  const summary: LoadSummary = {
    stored: done.stored,
    failed,
    skipped: done.skipped,
    bytes: sum.bytes,
    seconds: yield* seconds,
  }
  return summary
})
