// Hits as callers see them: slice ends, pixel ranges, links.
import { assert, describe, it } from "@effect/vitest"
import { boxPixels, hitsOf } from "../../src/query/hits.ts"
import { geometryAt, axial, sagittal, stackOf } from "./stacks.fixture.ts"

describe("boxPixels", () => {
  it.each([
    // Pixel n covers −100 + 2n … −98 + 2n mm.
    ["axial", axial, { min: [-100, -100, 0], max: [-96, -90, 5] }, [0, 1], [0, 4]],
    ["sagittal: y across, z upside down", sagittal, { min: [0, -100, 90], max: [5, -96, 100] }, [0, 1], [0, 4]],
    ["clipped", axial, { min: [90, -500, 0], max: [300, 500, 5] }, [95, 99], [0, 99]],
    ["thinner than a pixel", axial, { min: [0.4, 0.4, 0], max: [0.6, 0.6, 5] }, [50, 50], [50, 50]],
    ["wholly outside", axial, { min: [300, 300, 0], max: [310, 310, 5] }, [99, 99], [99, 99]],
  ] as const)("%s", (_name, layout, box, columns, rows) => {
    assert.deepStrictEqual<unknown>(boxPixels(box, geometryAt(layout, 0)), { columns, rows })
  })
})

describe("hits", () => {
  const stack = stackOf({ uid: "1.5", slices: 600, spacing: 1 })
  const { StudyInstanceUID, SeriesInstanceUID } = stack
  const volume = (from: number, to: number) => ({
    StudyInstanceUID,
    SeriesInstanceUID,
    stack: "main",
    from,
    to,
    headers: stack.headers.slice(from, to + 1),
    box: { min: [0, 0, 0], max: [10, 10, 10] } as const,
    alignment: [[3, from, 0.9]] as const,
    score: 0.9,
  })

  it("name both ends, and link to every frame between", () => {
    const [first, second] = hitsOf([volume(10, 14), volume(3, 3)])
    assert.deepStrictEqual<unknown>(first!.slices, {
      from: { SOPInstanceUID: "1.5.4.10", FrameNumber: 1, index: 10 },
      to: { SOPInstanceUID: "1.5.4.14", FrameNumber: 1, index: 14 },
      count: 5,
    })
    assert.strictEqual(first!.links.frames[1], "/dicomweb/studies/1.5.9/series/1.5/instances/1.5.4.11/frames/1")
    assert.strictEqual(first!.links.rendered[1], `${first!.links.frames[1]}/rendered`)
    assert.deepStrictEqual([first!.rank, second!.rank, second!.slices.count], [1, 2, 1])
  })

  it("link to both ends and between them of a range longer than the bound", () => {
    const [{ links, slices }] = hitsOf([volume(0, 599)]) as [ReturnType<typeof hitsOf>[number]]
    assert.strictEqual(slices.count, 600)
    assert.strictEqual(links.frames.length, 256)
    assert.include(links.frames[0]!, "/1.5.4.0/frames/1")
    assert.include(links.frames[255]!, "/1.5.4.599/frames/1")
  })
})
