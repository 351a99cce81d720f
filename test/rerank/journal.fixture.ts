// A journal on disk, written as the index writes it, with stacks of made-up slices.
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SliceHeader } from "../../src/domain/slice.ts"
import type { SeriesInstanceUID } from "../../src/domain/uid.ts"
import { openJournal, type Removal } from "../../src/vector-index/journal.ts"

export const emptyFolder = () => mkdtempSync(join(tmpdir(), "rerank-"))

export const modelId = "test-model"

export interface MadeStack {
  readonly series: string
  /** slices × dimension, unit length. */
  readonly vectors: Float32Array
  /** slices × gridSize² × dimension; empty without. */
  readonly locals: Int8Array
  /** mm between slices. */
  readonly spacing: number
  readonly blank?: ReadonlySet<number>
  /** Index of the first slice: a series may arrive in pieces. */
  readonly first?: number
}

/** An axial picture of 200 × 200 pixels of 1 mm, all of which the model saw as 100 × 100. */
const header = ({ series, spacing, blank }: MadeStack, slice: number): string => {
  const z = slice * spacing
  const made = {
    instance: {
      receipt: 1,
      StudyInstanceUID: `${series}.1`,
      SeriesInstanceUID: series,
      SOPInstanceUID: `${series}.2.${slice}`,
      digest: "0".repeat(64),
    },
    FrameNumber: 1,
    geometry: {
      stack: "a",
      position: z,
      ImagePositionPatient: [0.5, 0.5, z],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      PixelSpacing: [1, 1],
      SliceThickness: spacing,
      Rows: 200,
      Columns: 200,
      view: { origin: [1, 1, z], right: [2, 0, 0], down: [0, 2, 0], size: 100 },
      blank: blank?.has(slice) ?? false,
    },
  }
  return JSON.stringify(made)
}

export const idOf = (series: string) => ({ SeriesInstanceUID: series as SeriesInstanceUID, stack: "a" })

export const headersOf = (stack: MadeStack, from: number, to: number): ReadonlyArray<SliceHeader> =>
  Array.from({ length: to - from + 1 }, (_, i) => JSON.parse(header(stack, from + i)) as SliceHeader)

/** Adds to the journal of a folder, making it when there is none. */
export const write = (dir: string, dimension: number, stacks: Iterable<MadeStack>): void => {
  const journal = openJournal({ dir, modelId, dimension })
  for (const stack of stacks) {
    const slices = stack.vectors.length / dimension
    journal.add({
      headers: Array.from({ length: slices }, (_, slice) => header(stack, slice + (stack.first ?? 0))),
      vectors: stack.vectors,
      localLengths: new Int32Array(slices).fill(stack.locals.length / slices),
      locals: stack.locals,
    })
  }
  journal.close()
}

export const removeSlices = (dir: string, dimension: number, series: string, slices: Iterable<number>): void => {
  const journal = openJournal({ dir, modelId, dimension })
  journal.remove(Array.from(slices, (slice) => ({ SOPInstanceUID: `${series}.2.${slice}`, receipt: 1 }) as Removal))
  journal.close()
}
