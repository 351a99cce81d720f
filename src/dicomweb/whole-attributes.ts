// Attribute maps of stored instances, some at a time: from the ledger, and where that holds only a part, from the file.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Decoder } from "../decode/Decoder.ts"
import type { DicomJson } from "../domain/instance.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { type Held, Ledger } from "../ledger/Ledger.ts"

const batch = 32

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
}

/** In the order given; those deleted meanwhile are left out. */
export const wholeAttributes = Effect.fnUntraced(function* (instances: ReadonlyArray<Held>) {
  const ledger = yield* Ledger
  const blobs = yield* Blobs
  const decoder = yield* Decoder
  const whole = (held: Held, attributes: DicomJson) =>
    hasElements(attributes, { left: suspiciousElements }) || lacksPixelData(attributes)
      ? decoder.attributes(blobs.path(held.digest)).pipe(
          Effect.map((text) => JSON.parse(text) as DicomJson),
          // What the ledger holds is true as far as it goes.
          Effect.catch(() => Effect.succeed(attributes)),
        )
      : Effect.succeed(attributes)
  const groups = Array.from({ length: Math.ceil(instances.length / batch) }, (_, i) =>
    instances.slice(i * batch, (i + 1) * batch),
  )
  return Stream.fromIterable(groups).pipe(
    Stream.mapEffect((group) =>
      Effect.gen(function* () {
        const known = yield* ledger.attributes(group.map(({ receipt }) => receipt))
        return yield* Effect.forEach(group, (held) =>
          Effect.gen(function* () {
            const attributes = known.get(held.receipt)
            return attributes === undefined ? [] : [{ held, attributes: yield* whole(held, attributes) }]
          }),
        )
      }),
    ),
    // Between the batches others have their turn.
    Stream.flatMap((group) => Stream.fromIterable(group.flat() satisfies ReadonlyArray<Described>)),
  )
})
