// The matrix of transfer syntaxes in CONFORMANCE.md is what a live server does with files of each.
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { withBlock } from "../statement/generated-block.ts"
import { findings, matrix } from "./transfer-syntaxes.fixture.ts"

const page = readFileSync(new URL("../../CONFORMANCE.md", import.meta.url), "utf8")

describe("transfer syntaxes", () => {
  it.live(
    "are handled as the published matrix says; if not: npm run conformance",
    () =>
      Effect.gen(function* () {
        const found = yield* findings
        assert.strictEqual(withBlock(page, "transfer-syntaxes", matrix(found)), page)
        // What is decoded at all is decoded right, and everything is stored and comes back.
        assert.deepStrictEqual(
          found.filter(
            ({ stored, returned, decoded, source }) =>
              !stored || !returned || (decoded === "no" && source !== "header only"),
          ),
          [],
        )
      }),
    60_000,
  )
})
