// Paints one patient of the cohort into a folder, on a thread of its own.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cohort, type PhantomSeries } from "../phantom/cohort.ts"

export interface PaintJob {
  readonly index: number
  readonly patients: number
  readonly dir: string
}

export type Painted = Pick<PhantomSeries, "identity" | "organs" | "part"> & {
  readonly files: ReadonlyArray<string>
}

export const paint = ({ index, patients, dir }: PaintJob): Painted => {
  const series = nth(cohort({ patients }), index)
  const folder = join(dir, `patient-${String(index + 1).padStart(2, "0")}`)
  mkdirSync(folder, { recursive: true })
  const files: Array<string> = []
  for (const bytes of series.slices()) {
    const file = join(folder, `${String(files.length).padStart(4, "0")}.dcm`)
    writeFileSync(file, bytes)
    files.push(file)
  }
  const { identity, organs, part } = series
  return { identity, organs, part, files }
}

/** The generator paints lazily: skipping costs the organ boxes only. */
const nth = (all: Generator<PhantomSeries>, index: number): PhantomSeries => {
  for (let n = 0; ; n++) {
    const next = all.next()
    if (next.done) throw new RangeError(`the cohort has ${n} patients`)
    if (n === index) return next.value
  }
}
