// `convert`: NIfTI volumes and their labels to DICOM series and segmentations.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ConvertError, convertVolume, type ConvertRequest } from "../convert/convert-volume.ts"
import { type Entry, namesOf, readEntry, readNames, volumeFolders } from "../convert/entry.ts"
import { progress } from "../load/progress.ts"

const modality = Flag.Literals("modality", ["CT", "MR"]).pipe(
  Flag.withDescription("Modality; by default what entry.json says, else CT"),
  Flag.optional,
)
const patient = Flag.String("patient").pipe(
  Flag.withDescription("Patient ID; by default the subject of entry.json, else the file's name"),
  Flag.optional,
)

export const convert = Command.make(
  "convert",
  {
    input: Argument.String("input").pipe(
      Argument.withDescription(
        "A .nii or .nii.gz file, or a folder whose subfolders hold image.nii.gz, labels.nii.gz and entry.json",
      ),
    ),
    out: Flag.String("out").pipe(Flag.withDescription("Folder to write into")),
    labels: Flag.String("labels").pipe(Flag.withDescription("Label map on the image's grid"), Flag.optional),
    entry: Flag.String("entry").pipe(Flag.withDescription("JSON with modality, subject and structures"), Flag.optional),
    names: Flag.String("names").pipe(Flag.withDescription('JSON of label names: {"1": "liver"}'), Flag.optional),
    modality,
    patient,
  },
  Effect.fnUntraced(function* (flags) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const given = Option.isSome(flags.names) ? yield* readNames(flags.names.value) : undefined
    const request = (
      name: string,
      image: string,
      labels: string | undefined,
      entry: Entry,
      out: string,
    ): ConvertRequest => ({
      image,
      ...(labels === undefined ? {} : { labels }),
      names: given ?? namesOf(entry),
      out,
      modality: Option.getOrElse(flags.modality, () => entry.modality ?? "CT"),
      PatientID: Option.getOrElse(flags.patient, () => entry.subject ?? name).slice(0, 64),
      description: entry.id ?? name,
    })

    const info = yield* fs
      .stat(flags.input)
      .pipe(Effect.mapError(() => new ConvertError({ file: flags.input, detail: "it cannot be read" })))
    const requests =
      info.type === "Directory"
        ? (yield* volumeFolders(flags.input)).map(({ name, image, labels, entry }) =>
            request(name, image, labels, entry, path.join(flags.out, name)),
          )
        : [
            request(
              path.basename(flags.input).replace(/\.nii(\.gz)?$/, ""),
              flags.input,
              Option.getOrUndefined(flags.labels),
              Option.isSome(flags.entry) ? yield* readEntry(flags.entry.value) : {},
              flags.out,
            ),
          ]

    // One volume in memory at a time; a volume that cannot be converted does not stop the others.
    const bar = yield* progress("volumes", requests.length)
    const [converted, refused] = yield* Effect.partition(requests, (one) =>
      convertVolume(one).pipe(Effect.ensuring(bar.advance(one.description))),
    )
    const sum = (of: (one: (typeof converted)[number]) => number) =>
      converted.reduce((total, one) => total + of(one), 0)
    yield* Console.log(
      `${converted.length} volumes: ${sum((one) => one.slices)} slices, ${sum((one) => one.segments)} segments, ` +
        `${(sum((one) => one.bytes) / 1e6).toFixed(1)} MB in ${flags.out}`,
    )
    yield* Effect.forEach(refused, ({ message }) => Console.error(message))
    if (refused.length > 0 || converted.length === 0) {
      return yield* new ConvertError({
        file: flags.input,
        detail: converted.length + refused.length === 0 ? "it holds no volume" : `${refused.length} not converted`,
      })
    }
  }, Effect.scoped),
).pipe(Command.withDescription("Convert NIfTI volumes and labels to DICOM series and segmentations"))
