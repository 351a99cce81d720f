// What is sent while the recording runs: every way a promise is made, and taken back by its owner.
import { Effect } from "effect"
import { ctSlice, identity, newUid } from "../../support/volumes.ts"
import type { Instance, Sender } from "./sender.ts"

const concurrent = { concurrency: "unbounded", discard: true } as const

const patient = () => identity("power")

const instance = (of: ReturnType<typeof patient>, slice: number, side = 64): Instance => {
  const { StudyInstanceUID, SeriesInstanceUID } = of
  const SOPInstanceUID = newUid()
  const pixels = Int16Array.from({ length: side * side }, (_, i) => (i * 7 + slice * 31) % 900)
  const file = ctSlice(of, slice, { SOPInstanceUID, Rows: side, Columns: side, PixelData: pixels.buffer })
  return { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, file }
}
const several = (count: number, side?: number): ReadonlyArray<Instance> => {
  const of = patient()
  return Array.from({ length: count }, (_, slice) => instance(of, slice, side))
}

/** The same UIDs with other pixels. */
const corrected = ({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: Instance): Instance => ({
  StudyInstanceUID,
  SeriesInstanceUID,
  SOPInstanceUID,
  file: ctSlice({ StudyInstanceUID, SeriesInstanceUID, PatientID: "power" }, 9, { SOPInstanceUID }),
})

const addressOf = ({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: Instance) =>
  `/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`

/** Larger than what is received into memory: it takes the way through a file. */
const largeSide = 800

/** `many`: instances sent one by one from several senders. */
export const workload = ({ store, remove, workitem }: Sender, many: number) =>
  Effect.gen(function* () {
    const first = several(3)
    yield* Effect.forEach(first, (one) => store([one]), { discard: true })
    const study = several(5)
    yield* store(study)
    yield* Effect.all([workitem(newUid()), workitem(newUid()), store(several(1))], concurrent)
    const twice = several(2)
    yield* Effect.all([store(twice), store(twice), store([twice[0]!])], concurrent)
    yield* store(twice)
    const large = several(2, largeSide)
    yield* Effect.all([store(large), store(large)], concurrent)
    yield* store([...several(2), ...several(1, largeSide), ...several(2)])

    yield* remove(addressOf(first[0]!), [first[0]!])
    yield* remove(`/studies/${study[0]!.StudyInstanceUID}`, study)
    yield* Effect.all([store(study.slice(0, 3)), store([corrected(first[0]!)]), store(several(1))], concurrent)
    yield* remove(`/studies/${large[0]!.StudyInstanceUID}`, large)
    yield* store(large)

    const rest = Array.from({ length: Math.ceil(many / 8) }, () => several(8)).flat()
    yield* Effect.forEach(rest, (one) => store([one]), { concurrency: 3, discard: true })
    // Deleted while others are being received.
    yield* Effect.all(
      [
        Effect.forEach(rest.slice(0, 4), (one) => remove(addressOf(one), [one]), { discard: true }),
        Effect.forEach(several(6), (one) => store([one]), { discard: true }),
      ],
      concurrent,
    )
    yield* store(rest.slice(0, 2))
  })
