// Small labelled volumes as NIfTI files, in either layout: a trunk with a bright liver below and a dark lung above.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import type { Affine } from "../../src/convert/geometry.ts"
import { randomOf } from "../../src/phantom/random.ts"
import { int16, nifti } from "../convert/nifti.fixture.ts"

export const side = 48
export const planes = 20

interface Painted {
  readonly image: ReadonlyArray<number>
  /** 1 liver, 2 lung. */
  readonly labels: ReadonlyArray<number>
}

/** Planes of the liver are 2..7 shifted by the subject's build, those of the lung 11..17. */
export const organPlanes = (subject: number) => ({
  liver: [2 + (subject % 3), 7 + (subject % 3)] as const,
  lung: [11 + (subject % 2), 16 + (subject % 2)] as const,
})

const paint = (subject: number): Painted => {
  const random = randomOf(subject + 1)
  const { liver, lung } = organPlanes(subject)
  const image: Array<number> = []
  const labels: Array<number> = []
  for (let k = 0; k < planes; k++) {
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < side; i++) {
        const [x, y] = [i - side / 2 + 0.5, j - side / 2 + 0.5]
        const inBody = (x / 20) ** 2 + (y / (12 + k / 4)) ** 2 < 1
        const inLiver = k >= liver[0] && k <= liver[1] && (x - 7) ** 2 + y ** 2 < 49
        const inLung = k >= lung[0] && k <= lung[1] && Math.abs(Math.abs(x) - 8) < 5 && Math.abs(y) < 6
        const label = inLiver ? 1 : inLung ? 2 : 0
        const value = inLiver ? 160 : inLung ? -800 : inBody ? 40 : -1000
        image.push(Math.round(value + (inBody ? random() * 30 : 0)))
        labels.push(label)
      }
    }
  }
  return { image, labels }
}

const affine: Affine = [
  [-4, 0, 0, 96],
  [0, -4, 0, 96],
  [0, 0, 6, -60],
]

const volume = (values: ReadonlyArray<number>) =>
  gzipSync(nifti({ shape: [side, side, planes], data: int16(values), sform: affine }))

/** `s0…`: `ct.nii.gz`, `segmentations/*.nii.gz`; the last two subjects are the test split. */
export const asTotalSegmentator = (folder: string, subjects: number) => {
  for (let n = 0; n < subjects; n++) {
    const { image, labels } = paint(n)
    const dir = join(folder, `s${n}`)
    mkdirSync(join(dir, "segmentations"), { recursive: true })
    writeFileSync(join(dir, "ct.nii.gz"), volume(image))
    const mask = (value: number) => volume(labels.map((label) => (label === value ? 1 : 0)))
    writeFileSync(join(dir, "segmentations", "liver.nii.gz"), mask(1))
    writeFileSync(join(dir, "segmentations", "lung_upper_lobe_left.nii.gz"), mask(2))
    writeFileSync(join(dir, "segmentations", "spleen.nii.gz"), mask(3))
  }
  const rows = Array.from({ length: subjects }, (_, n) => `s${n};${n >= subjects - 2 ? "test" : "train"}`)
  writeFileSync(join(folder, "meta.csv"), ["image_id;split", ...rows, ""].join("\n"))
}

/** `v0…`: `image.nii.gz`, `labels.nii.gz`, `entry.json`, from two data sets; the second labels no lung. */
export const asEntries = (folder: string, subjects: number) => {
  for (let n = 0; n < subjects; n++) {
    const { image, labels } = paint(n)
    const dir = join(folder, `v${n}`)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, "image.nii.gz"), volume(image))
    writeFileSync(join(dir, "labels.nii.gz"), volume(n % 2 === 0 ? labels : labels.map((label) => label & 1)))
    const lung = n % 2 === 0 ? [{ id: 2, name: "lung_lower_lobe_right", group: "lung" }] : []
    const entry = {
      id: `v${n}`,
      subject: `subject-${n}`,
      modality: "CT",
      body_region: n % 2 === 0 ? "chest" : "abdomen (crop)",
      source: { repo: n % 2 === 0 ? "one/set" : "other/set" },
      structures: [{ id: 1, name: "liver", group: "liver" }, ...lung],
    }
    writeFileSync(join(dir, "entry.json"), JSON.stringify(entry))
  }
}
