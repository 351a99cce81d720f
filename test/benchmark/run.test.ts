// A whole run over small generated volumes: loaded by STOW, asked over HTTP, reported, and taken up again.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { runBenchmark } from "../../src/benchmark/run.ts"
import { asTotalSegmentator } from "./volumes.fixture.ts"

const folder = mkdtempSync(join(tmpdir(), "benchmark-"))
afterAll(() => rmSync(folder, { recursive: true }))

interface ReportRow {
  readonly scope: string
  readonly of: string
  readonly queries: number
  readonly values: Readonly<Record<string, { readonly n: number; readonly mean: number }>>
}

describe("benchmark", () => {
  it.live(
    "asks with the test split only, beside counting and the paper's re-ranking; a second run asks nothing again",
    () =>
      Effect.gen(function* () {
        const [data, out] = [join(folder, "data"), join(folder, "out")]
        asTotalSegmentator(data, 5)
        const options = { data, out, model: "mobilenet-v1-025", command: "region-gateway benchmark --data DIR" }
        const page = yield* runBenchmark(options)
        assert.include(page, "## Recall, coarse classes, over queries")

        const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as {
          readonly levels: Readonly<Record<string, ReadonlyArray<ReportRow>>>
          readonly subjects: number
        }
        assert.strictEqual(report.subjects, 5)
        const row = (of: string) => report.levels["coarse"]!.find((one) => one.of === of && one.scope === "all")!
        // Two test subjects with liver and lung each; every train volume shows both, so any answer is right.
        assert.strictEqual(row("region").queries, 4)
        for (const key of ["counting", "paper", "ours", "chance"])
          assert.strictEqual(row("region").values[key]?.mean, 1)
        // Three train volumes answer each; a slice range that knows nothing would overlap by the organ's share.
        assert.strictEqual(row("zIoU").values["ours"]?.n, 12)
        assert.isAbove(row("zIoU").values["ours"]!.mean, row("zIoU").values["chance"]!.mean)
        assert.isAbove(row("iou").values["ours"]!.mean, 0.1)
        assert.isTrue(existsSync(join(out, "recall-by-class.svg")))
        assert.include(readFileSync(join(out, "recall-latency.svg"), "utf8"), "<circle")

        const asked = join(out, "results", "mobilenet-v1-025", "s4.json")
        const before = statSync(asked).mtimeMs
        yield* runBenchmark(options)
        assert.strictEqual(statSync(asked).mtimeMs, before)
      }).pipe(Effect.provide(Layer.mergeAll(NodeServices.layer, FetchHttpClient.layer))),
    240_000,
  )
})
