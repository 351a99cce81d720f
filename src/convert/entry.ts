// What a labelled research volume says of itself: `entry.json` beside its image, or a plain list of label names.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { ConvertError } from "./convert-volume.ts"

/** Other keys of the file are let through unread. */
export const Entry = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  subject: Schema.optionalKey(Schema.String),
  modality: Schema.optionalKey(Schema.Literals(["CT", "MR"])),
  body_region: Schema.optionalKey(Schema.String),
  source: Schema.optionalKey(Schema.Unknown),
  structures: Schema.optionalKey(
    // `group`: the coarse name, where several structures are parts of one.
    Schema.Array(Schema.Struct({ id: Schema.Int, name: Schema.String, group: Schema.optionalKey(Schema.String) })),
  ),
})
export type Entry = typeof Entry.Type

/** Label id → name. */
const Names = Schema.Record(Schema.String, Schema.String)

const readAs = <A>(schema: Schema.Codec<A, unknown>) =>
  Effect.fnUntraced(function* (file: string) {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs
      .readFileString(file)
      .pipe(Effect.mapError(() => new ConvertError({ file, detail: "it cannot be read" })))
    return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text).pipe(
      Effect.mapError((error) => new ConvertError({ file, detail: String(error.message) })),
    )
  })

export const readEntry = readAs(Entry as Schema.Codec<Entry, unknown>)

export const readNames = (file: string) =>
  readAs(Names as Schema.Codec<Record<string, string>, unknown>)(file).pipe(
    Effect.map((names) => new Map(Object.entries(names).map(([id, name]) => [Number(id), name]))),
  )

export const namesOf = (entry: Entry): ReadonlyMap<number, string> =>
  new Map((entry.structures ?? []).map(({ id, name }) => [id, name]))

export interface VolumeFolder {
  readonly name: string
  readonly image: string
  readonly labels: string | undefined
  readonly entry: Entry
}

/** The subfolders (or the folder itself) that hold an `image.nii` or `image.nii.gz`, by name. */
export const volumeFolders = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unreadable = () => new ConvertError({ file: folder, detail: "it cannot be read" })
  const first = Effect.fnUntraced(function* (...files: ReadonlyArray<string>) {
    for (const file of files) if (yield* fs.exists(file).pipe(Effect.orElseSucceed(() => false))) return file
    return undefined
  })
  const names = yield* fs.readDirectory(folder).pipe(Effect.mapError(unreadable))
  const found: Array<VolumeFolder> = []
  for (const name of [".", ...names.toSorted()]) {
    const inside = (file: string) => path.join(folder, name, file)
    const image = yield* first(inside("image.nii.gz"), inside("image.nii"))
    if (image === undefined) continue
    const labels = yield* first(inside("labels.nii.gz"), inside("labels.nii"))
    const said = yield* first(inside("entry.json"))
    const entry: Entry = said === undefined ? {} : yield* readEntry(said)
    found.push({ name: name === "." ? path.basename(path.resolve(folder)) : name, image, labels, entry })
  }
  return found
})
