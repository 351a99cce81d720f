// Threads inside the model are never stopped by force: that ends the whole process (onnxruntime-node aborts).
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const fixture = new URL("./stopping.fixture.ts", import.meta.url).pathname
const shipped = new URL("../../gateway-config/models/mobilenet-v1-025.yaml", import.meta.url)

const runWith = async (change: (preset: string) => string): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "stopping-"))
  const preset = join(folder, "mobilenet.yaml")
  writeFileSync(preset, change(readFileSync(shipped, "utf8")))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [fixture, preset, folder], { timeout: 50_000 })
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("stopping", () => {
  it("in the middle of runs ends in order", async () => {
    assert.strictEqual(await runWith((preset) => preset), "closed")
  }, 60_000)

  it("at a preset that does not fit says so, with several threads", async () => {
    const said = await runWith((preset) => preset.replace("dimension: 256", "dimension: 300"))
    assert.match(said, /refused: .*output vector is float32 \[2, 256\]/s)
  }, 60_000)
})
