// Volumes into the running gateway by STOW, one at a time; what is already searchable there is not sent again.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import { apiClient, explain } from "../api/client.ts"
import { convertVolume } from "../convert/convert-volume.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { filesBelow, loadDefaults, loadFiles } from "../load/load-folder.ts"
import { BenchmarkError } from "./BenchmarkError.ts"
import type { Known } from "./eligible.ts"

type Client = Effect.Success<ReturnType<typeof apiClient>>

/** Every plane of the volume is known to the gateway and has come to its end there. */
const isStored = (client: Client, { truth }: Known) =>
  client.studies
    .status({ params: { StudyInstanceUID: StudyInstanceUID.make(truth.StudyInstanceUID) }, query: { limit: 10_000 } })
    .pipe(
      Effect.map(({ instances }) => {
        const stored = new Set<string>(instances.map(({ SOPInstanceUID }) => SOPInstanceUID))
        return truth.SOPInstanceUID.every((uid) => stored.has(uid))
      }),
      Effect.orElseSucceed(() => false),
    )

/** Converts and sends one volume; its files are gone afterwards. */
export const loadVolume = Effect.fnUntraced(function* (client: Client, url: string, known: Known) {
  if (yield* isStored(client, known)) return
  const fs = yield* FileSystem.FileSystem
  const { name, subject, image, Modality } = known.volume
  const failed = (message: string) => new BenchmarkError({ message: `${name}: ${message}` })
  const out = yield* fs
    .makeTempDirectoryScoped({ prefix: "region-gateway-benchmark-" })
    .pipe(Effect.mapError(() => failed("no temporary folder")))
  yield* convertVolume({
    image,
    out,
    modality: Modality,
    names: new Map<number, string>(),
    PatientID: subject.slice(0, 64),
    description: name,
  }).pipe(Effect.mapError(({ message }) => failed(message)))
  const files = yield* filesBelow([out]).pipe(Effect.mapError(({ message }) => failed(message)))
  const { failed: refused } = yield* loadFiles(files, { ...loadDefaults, url: `${url}/dicomweb` })
  if (refused.length > 0) return yield* failed(`${refused.length} instances not stored: ${refused[0]?.reason}`)
}, Effect.scoped)

/** Until nothing is on its way any more. */
export const searchable = (client: Client, url: string) =>
  explain(url)(client.operations.status()).pipe(
    Effect.mapError(({ message }) => new BenchmarkError({ message })),
    Effect.map(({ stages }) => Object.values(stages).reduce((sum, { pending }) => sum + pending, 0)),
    Effect.repeat({ until: (pending) => pending === 0, schedule: Schedule.spaced("200 millis") }),
  )
