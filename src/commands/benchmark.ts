// `benchmark`: how well regions are found in labelled volumes, beside the method of arXiv 2405.09334.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { runBenchmark } from "../benchmark/run.ts"

export const benchmark = Command.make(
  "benchmark",
  {
    data: Flag.String("data").pipe(
      Flag.withDescription(
        "Folder of <subject>/ct.nii.gz with segmentations (TotalSegmentator), or of <volume>/image.nii.gz with labels.nii.gz and entry.json",
      ),
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("Folder for the report, and for the run itself: a run that was stopped goes on from there"),
    ),
    model: Flag.String("model").pipe(
      Flag.withDescription("Preset in gateway-config/models, or a preset file"),
      Flag.withDefault("mobilenet-v1-025"),
    ),
  },
  Effect.fnUntraced(function* ({ data, out, model }) {
    const command = `region-gateway benchmark --data DIR --model ${model.split("/").at(-1)}`
    yield* Console.log(yield* runBenchmark({ data, out, model, command }))
  }, Effect.provide(FetchHttpClient.layer)),
).pipe(
  Command.withDescription("Measure retrieval on labelled volumes: recall, localisation, time; Markdown, JSON, plots"),
)
