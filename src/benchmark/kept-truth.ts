// Labels once read are kept beside the report: reading them takes longer than all questions of a large collection.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { BenchmarkError } from "./BenchmarkError.ts"
import type { LabelledVolume } from "./collection.ts"
import { type PlaneBox, readTruth, type Structure, type Truth } from "./truth.ts"

interface KeptStructure extends Omit<Structure, "planes"> {
  readonly planes: ReadonlyArray<readonly [k: number, box: PlaneBox]>
}
interface KeptTruth extends Omit<Truth, "fine" | "coarse"> {
  /** Sizes and times of all files it was read from, and the names given to their labels. */
  readonly key: string
  readonly fine: ReadonlyArray<KeptStructure>
  readonly coarse: ReadonlyArray<KeptStructure>
}

const keyOf = Effect.fnUntraced(function* ({ image, labels }: LabelledVolume) {
  const fs = yield* FileSystem.FileSystem
  const files = [...new Set([image, ...labels.map(({ file }) => file)])]
  const stats = yield* Effect.forEach(files, (file) =>
    fs.stat(file).pipe(Effect.mapError(() => new BenchmarkError({ message: `${file} cannot be read` }))),
  )
  return JSON.stringify([
    files.map((file, n) => [file, String(stats[n]?.size), String(stats[n]?.mtime)]),
    labels.map(({ value, name, group }) => [value, name, group]),
  ])
})

const keep = (structures: ReadonlyArray<Structure>): ReadonlyArray<KeptStructure> =>
  structures.map(({ planes, ...rest }) => ({ ...rest, planes: [...planes] }))
const restore = (structures: ReadonlyArray<KeptStructure>): ReadonlyArray<Structure> =>
  structures.map(({ planes, ...rest }) => ({ ...rest, planes: new Map(planes) }))

/** `folder`: where they are kept. A kept file of changed labels, or of a run that was stopped while it wrote, is read anew. */
export const keptTruth = Effect.fnUntraced(function* (volume: LabelledVolume, folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(folder, `${volume.name}.json`)
  const key = yield* keyOf(volume)
  const before = yield* fs.readFileString(file).pipe(
    Effect.flatMap((text) => Effect.try(() => JSON.parse(text) as KeptTruth)),
    Effect.filterOrFail((kept) => kept.key === key),
    Effect.option,
  )
  if (before._tag === "Some") {
    const { key: _, fine, coarse, ...rest } = before.value
    return { ...rest, fine: restore(fine), coarse: restore(coarse) } satisfies Truth
  }
  const truth = yield* readTruth(volume)
  const kept: KeptTruth = { ...truth, key, fine: keep(truth.fine), coarse: keep(truth.coarse) }
  yield* fs
    .writeFileString(file, JSON.stringify(kept))
    .pipe(Effect.mapError(() => new BenchmarkError({ message: `${file} cannot be written` })))
  return truth
})
