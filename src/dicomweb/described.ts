// What the ledger knows of stored instances, some at a time, and whether that is all.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { DicomJson, Receipt } from "../domain/instance.ts"
import { type Held, Ledger } from "../ledger/Ledger.ts"

/** Long maps take milliseconds each. */
const batch = 8

/**
 * Instances a few at a time. Until their turn only their numbers are kept: a hundred callers may read a study of
 * thousands as slowly as they like. Those deleted meanwhile are left out.
 */
export const inBatches = (instances: ReadonlyArray<Held>, size: number) => {
  const receipts = Float64Array.from(instances, ({ receipt }) => receipt)
  const starts = Array.from({ length: Math.ceil(receipts.length / size) }, (_, i) => i * size)
  return Stream.fromIterable(starts, { chunkSize: 1 }).pipe(
    Stream.mapEffect((start) =>
      Effect.flatMap(Ledger, (ledger) =>
        ledger.heldAt(Array.from(receipts.subarray(start, start + size)) as Array<Receipt>),
      ),
    ),
  )
}

/**
 * The ledger's map is cut at a number of bytes (`dicom/json.ts`), most of which are never spent on fewer elements than
 * this, counted with those of the items and with what is long for more than one.
 */
const suspiciousElements = 512

const hasElements = (map: DicomJson, budget: { left: number }): boolean => {
  for (const { Value, InlineBinary } of Object.values(map)) {
    budget.left -= 1 + (Value?.length ?? 0) / 16 + (InlineBinary?.length ?? 0) / 64
    if (budget.left < 0) return true
    for (const item of Value ?? []) {
      if (typeof item === "string") budget.left -= item.length / 32
      else if (typeof item === "object") {
        budget.left -= 1
        if (item !== null && hasElements(item as DicomJson, budget)) return true
      }
    }
  }
  return false
}

/** Images that were accepted before references to bulk data were kept. */
const lacksPixelData = (map: DicomJson): boolean =>
  map["00280010"] !== undefined && !["7FE00010", "7FE00008", "7FE00009"].some((tag) => map[tag] !== undefined)

export interface Described {
  readonly held: Held
  readonly attributes: DicomJson
  /** The file has more than the map. */
  readonly isPart: boolean
}

/** In the order given; those deleted meanwhile are left out. */
export const described = Effect.fnUntraced(function* (instances: ReadonlyArray<Held>) {
  const ledger = yield* Ledger
  return inBatches(instances, batch).pipe(
    Stream.provideService(Ledger, ledger),
    Stream.mapEffect((group) =>
      Effect.map(ledger.attributes(group.map(({ receipt }) => receipt)), (known) =>
        group.flatMap((held): ReadonlyArray<Described> => {
          const attributes = known.get(held.receipt)
          if (attributes === undefined) return []
          const isPart = hasElements(attributes, { left: suspiciousElements }) || lacksPixelData(attributes)
          return [{ held, attributes, isPart }]
        }),
      ),
    ),
    // Between the batches others have their turn.
    Stream.mapEffect((group) => Effect.as(Effect.yieldNow, group)),
    Stream.flatMap((group) => Stream.fromIterable(group)),
  )
})
