// `load`: a folder of DICOM files into a running gateway, or any other STOW-RS service.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { filesBelow, loadDefaults, loadFiles } from "../load/load-folder.ts"
import { progress } from "../load/progress.ts"
import { signIn, signInHeaders } from "./flags.ts"

/** For people: something was not loaded. */
class LoadError extends Schema.TaggedError<LoadError>()("LoadError", { message: Schema.String }) {}

const shownFailures = 50
const atLeastOne = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))

export const load = Command.make(
  "load",
  {
    folders: Argument.String("folder").pipe(Argument.withDescription("Folders or files to load"), Argument.atLeast(1)),
    url: Flag.String("url").pipe(
      Flag.withDescription("DICOMweb address; STOW-RS is expected at /studies below it"),
      Flag.withDefault("http://127.0.0.1:8080/dicomweb"),
    ),
    concurrency: Flag.Int("concurrency").pipe(
      Flag.withDescription("Requests under way at a time"),
      Flag.withSchema(atLeastOne),
      Flag.withDefault(loadDefaults.concurrency),
    ),
    batch: Flag.Int("batch").pipe(
      Flag.withDescription("Files a request"),
      Flag.withSchema(atLeastOne),
      Flag.withDefault(loadDefaults.batch),
    ),
    ...signIn,
  },
  Effect.fnUntraced(function* ({ folders, url, concurrency, batch, ...given }) {
    const paths = yield* filesBelow(folders).pipe(Effect.mapError(({ message }) => new LoadError({ message })))
    const bar = yield* progress("files", paths.length)
    const summary = yield* loadFiles(paths, {
      url,
      concurrency,
      batch,
      retries: loadDefaults.retries,
      headers: signInHeaders(given),
      onFile: ({ files, bytes, seconds }) =>
        bar.advance(
          `${(files / Math.max(seconds, 1e-3)).toFixed(0)} files/s  ${(bytes / 1e6 / Math.max(seconds, 1e-3)).toFixed(1)} MB/s`,
        ),
    }).pipe(Effect.provide(FetchHttpClient.layer))
    const { stored, failed, skipped, bytes, seconds } = summary
    yield* Console.log(
      `${stored} stored (${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s), ${failed.length} failed, ${skipped} skipped: no DICOM`,
    )
    yield* Effect.forEach(failed.slice(0, shownFailures), ({ path, reason }) => Console.error(`${path}: ${reason}`))
    if (failed.length > shownFailures) yield* Console.error(`… and ${failed.length - shownFailures} more`)
    if (failed.length > 0) return yield* new LoadError({ message: `${failed.length} files were not stored` })
  }, Effect.scoped),
).pipe(Command.withDescription("Send a folder of DICOM files with STOW-RS"))
