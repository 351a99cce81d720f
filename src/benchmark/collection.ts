// Labelled volumes on disk, in either of two layouts: TotalSegmentator's own, or image, labels and entry.json per folder.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { volumeFolders } from "../convert/entry.ts"
import { BenchmarkError } from "./BenchmarkError.ts"

/** One label of a file: all voxels that are not 0, or those with this number. */
export interface LabelSource {
  readonly file: string
  readonly value?: number
  /** The fine class. */
  readonly name: string
  /** The coarse class. */
  readonly group: string
}

export interface LabelledVolume {
  readonly name: string
  /** Never query and answer at once. */
  readonly subject: string
  readonly Modality: "CT" | "MR"
  /** Where in the body, as the collection calls it; volumes of one region are expected to carry the same labels. */
  readonly region: string | undefined
  /** Data set it comes from, where a collection mixes several. */
  readonly source: string
  readonly split: "train" | "test" | undefined
  readonly image: string
  readonly labels: ReadonlyArray<LabelSource>
  /** A structure without a label is absent: every volume was labelled for all of them. */
  readonly exhaustive: boolean
}

/** Text that is the same for volumes of one data set: its repository where one is named. */
const sourceName = (source: unknown): string => {
  if (typeof source === "string") return source
  const repo = typeof source === "object" && source !== null && "repo" in source ? source.repo : undefined
  return typeof repo === "string" ? repo : JSON.stringify(source ?? "")
}

/** Side, level and part of an organ left out: `rib_left_5` is a rib, `lung_upper_lobe_left` a lung. */
export const coarseName = (name: string): string =>
  name
    .replace(/_(upper|middle|lower)_lobe/, "")
    .replace(/^(heart|gluteus|vertebrae|rib)_.*$/, "$1")
    .replace(/_(left|right)(_\d+)?$/, "")

const unreadable = (file: string) => () => new BenchmarkError({ message: `${file} cannot be read` })

/** `image_id;…;split` as TotalSegmentator publishes it, whatever separator and order. */
const splitsOf = (text: string): ReadonlyMap<string, "train" | "test"> => {
  const [head = "", ...rows] = text.split(/\r?\n/).filter((line) => line !== "")
  const separator = head.includes(";") ? ";" : ","
  const columns = head.split(separator).map((name) => name.trim())
  const [id, split] = [columns.indexOf("image_id"), columns.indexOf("split")]
  if (id < 0 || split < 0) return new Map()
  return new Map(
    rows.map((row) => {
      const cells = row.split(separator).map((cell) => cell.trim())
      return [cells[id] ?? "", cells[split] === "test" ? "test" : "train"] as const
    }),
  )
}

const totalSegmentator = Effect.fnUntraced(function* (folder: string, names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const meta = path.join(folder, "meta.csv")
  const splits = (yield* fs.exists(meta).pipe(Effect.orElseSucceed(() => false)))
    ? splitsOf(yield* fs.readFileString(meta).pipe(Effect.mapError(unreadable(meta))))
    : new Map<string, "train" | "test">()
  return yield* Effect.forEach(names, (name) => {
    const masks = path.join(folder, name, "segmentations")
    return fs.readDirectory(masks).pipe(
      Effect.mapError(unreadable(masks)),
      Effect.map((files): LabelledVolume => {
        const labels = files
          .filter((file) => file.endsWith(".nii.gz"))
          .toSorted()
          .map((file) => {
            const label = file.replace(/\.nii\.gz$/, "")
            return { file: path.join(masks, file), name: label, group: coarseName(label) }
          })
        const image = path.join(folder, name, "ct.nii.gz")
        const split = splits.get(name)
        return {
          name,
          subject: name,
          Modality: "CT",
          region: undefined,
          source: "TotalSegmentator",
          split,
          image,
          labels,
          exhaustive: true,
        }
      }),
    )
  })
})

const described = Effect.fnUntraced(function* (folder: string) {
  const folders = yield* volumeFolders(folder).pipe(Effect.mapError(({ message }) => new BenchmarkError({ message })))
  return folders.map(({ name, image, labels, entry }): LabelledVolume => ({
    name,
    subject: entry.subject ?? name,
    Modality: entry.modality ?? "CT",
    region: entry.body_region,
    source: sourceName(entry.source),
    split: undefined,
    image,
    labels:
      labels === undefined
        ? []
        : (entry.structures ?? []).map(({ id, name, group }) => ({
            file: labels,
            value: id,
            name,
            group: group ?? coarseName(name),
          })),
    exhaustive: false,
  }))
})

/** All volumes below a folder, by name. */
export const readCollection = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = (yield* fs.readDirectory(folder).pipe(Effect.mapError(unreadable(folder)))).toSorted()
  const ofTotalSegmentator = yield* Effect.filter(names, (name) =>
    fs.exists(path.join(folder, name, "ct.nii.gz")).pipe(Effect.orElseSucceed(() => false)),
  )
  const volumes =
    ofTotalSegmentator.length > 0 ? yield* totalSegmentator(folder, ofTotalSegmentator) : yield* described(folder)
  if (volumes.length === 0) {
    return yield* new BenchmarkError({
      message: `${folder} holds neither <subject>/ct.nii.gz with segmentations nor <volume>/image.nii.gz with entry.json`,
    })
  }
  return volumes
})
