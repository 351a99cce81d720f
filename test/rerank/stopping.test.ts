// A thread inside the model is waited for when the re-ranker closes: stopped there it would end the whole process.
import { assert, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { rmSync } from "node:fs"
import { promisify } from "node:util"
import { emptyFolder } from "./journal.fixture.ts"

const fixture = new URL("./stopping.fixture.ts", import.meta.url).pathname

it.each(["waiting", "gone"])(
  "closes in order in the middle of a run whose caller is %s",
  async (caller) => {
    const folder = emptyFolder()
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [fixture, folder, caller], { timeout: 30_000 })
      assert.strictEqual(stdout, "closed after the run")
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  40_000,
)
