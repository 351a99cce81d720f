// `npm run conformance`: writes the generated tables into CONFORMANCE.md.
import { readFileSync, writeFileSync } from "node:fs"
import { blocks } from "./blocks.ts"
import { withBlock } from "./generated-block.ts"

const page = new URL("../../CONFORMANCE.md", import.meta.url)

writeFileSync(
  page,
  Object.entries(blocks).reduce((text, [name, make]) => withBlock(text, name, make()), readFileSync(page, "utf8")),
)
