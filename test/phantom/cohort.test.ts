// The synthetic cohort: the same every time, different in each patient, with organs where it says.
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { bodyOf } from "../../src/phantom/body.ts"
import { organs } from "../../src/phantom/canvas.ts"
import { cohort, type PhantomSeries } from "../../src/phantom/cohort.ts"
import { paintPlane } from "../../src/phantom/plane.ts"

const digests = (series: PhantomSeries, count: number) =>
  series
    .slices()
    .take(count)
    .map((file) => createHash("sha256").update(file).digest("hex"))
    .toArray()

const first = (seed: number) => cohort({ patients: 1, seed }).next().value as PhantomSeries

describe("cohort", () => {
  it("is the same for the same seed, and another for another", () => {
    const [one, again] = [first(3), first(3)]
    assert.deepStrictEqual(one.organs, again.organs)
    assert.deepStrictEqual(digests(one, 3), digests(again, 3))
    const other = first(4)
    assert.notStrictEqual(one.identity.StudyInstanceUID, other.identity.StudyInstanceUID)
    assert.notDeepEqual(digests(one, 3), digests(other, 3))
  })

  it("scans twelve patients apart in name, build and part, both ways round", { timeout: 60_000 }, () => {
    const all = [...cohort()]
    assert.strictEqual(new Set(all.map(({ identity }) => identity.PatientID)).size, 12)
    assert.strictEqual(new Set(all.map(({ identity }) => identity.SeriesInstanceUID)).size, 12)
    assert.sameMembers([...new Set(all.map(({ part }) => part))], ["trunk", "chest", "abdomen", "head"])
    assert.sameMembers([...new Set(all.map(({ PatientPosition }) => PatientPosition))], ["HFS", "FFP"])
    for (const { part, organs: found } of all) {
      const names = found.map(({ name }) => name)
      if (part === "trunk") assert.includeMembers(names, [...organs])
      if (part === "head") assert.notInclude(names, "liver")
      for (const { box } of found) box.min.forEach((low, axis) => assert.isBelow(low, box.max[axis]!))
    }
    // The liver lies on the right (-x), the spleen on the left, the bladder below both.
    for (const { organs: found } of all.filter(({ part }) => part === "trunk")) {
      const middle = (name: string, axis: 0 | 2) => {
        const { box } = found.find((organ) => organ.name === name)!
        return (box.min[axis] + box.max[axis]) / 2
      }
      assert.isBelow(middle("liver", 0), middle("spleen", 0))
      assert.isBelow(middle("kidney_right", 0), middle("kidney_left", 0))
      assert.isBelow(middle("bladder", 2), middle("liver", 2))
      assert.isBelow(middle("heart", 2), middle("brain", 2))
    }
  })

  it("paints organs with their own density", () => {
    const body = bodyOf(11)
    const grid = { columns: 128, rows: 128, spacing: 3.2, x0: -203, y0: -203 }
    const mean = (height: number, name: (typeof organs)[number]) => {
      const { hu, organ } = paintPlane(body, grid, height * body.scale, undefined)
      const inside = [...hu].filter((_, at) => organ[at] === organs.indexOf(name) + 1)
      assert.isAbove(inside.length, 50)
      return inside.reduce((sum, value) => sum + value, 0) / inside.length
    }
    assert.isBelow(mean(620, "lung_left"), -700)
    assert.isAbove(mean(420, "liver"), 40)
    assert.closeTo(mean(900, "brain"), 33, 10)
    assert.closeTo(mean(78, "bladder"), 10, 10)
  })
})
