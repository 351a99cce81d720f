// CONFORMANCE.md says what the code says.
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { blocks } from "./blocks.ts"
import { withBlock } from "./generated-block.ts"

const page = readFileSync(new URL("../../CONFORMANCE.md", import.meta.url), "utf8")

describe("CONFORMANCE.md", () => {
  it.each(Object.keys(blocks))("has the present table of %s; if not: npm run conformance", (name) => {
    assert.strictEqual(withBlock(page, name, blocks[name]!()), page)
  })

  it("would be missed where a block is not there", () => {
    assert.throws(() => withBlock(page, "nowhere", ""), "no block nowhere")
  })
})
