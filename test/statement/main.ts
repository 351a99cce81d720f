// `npm run conformance`: writes the generated tables into CONFORMANCE.md.
import { readFileSync, writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import { findings, matrix } from "../conformance/transfer-syntaxes.fixture.ts"
import { blocks } from "./blocks.ts"
import { withBlock } from "./generated-block.ts"

const page = new URL("../../CONFORMANCE.md", import.meta.url)

const generated = {
  ...Object.fromEntries(Object.entries(blocks).map(([name, make]) => [name, make()])),
  "transfer-syntaxes": matrix(await Effect.runPromise(findings)),
}
writeFileSync(
  page,
  Object.entries(generated).reduce((text, [name, block]) => withBlock(text, name, block), readFileSync(page, "utf8")),
)
