// `model`: another model beside the one that serves, compared with it, switched to and back, without a restart.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, explain } from "../api/client.ts"
import type { ModelComparison, Models, ModelStatus, ModelSwitch } from "../domain/model.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const shared = { url, json, ...signIn }

const duration = (seconds: number) =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`

const modelLines = (model: ModelStatus) => {
  const { role, preset, id, slices, complete, secondsLeft, failed, failures, problem, standingRegionsWithout } = model
  const left = secondsLeft === undefined ? "" : `, about ${duration(secondsLeft)} left`
  const share = slices.of === 0 ? 100 : Math.floor((slices.held / slices.of) * 100)
  return [
    `${role.padEnd(8)} ${preset}  (${id})  ${complete ? "complete" : `${share} %`}, ${slices.held} of ${slices.of} slices${left}`,
    ...(problem === undefined ? [] : [`         ${problem}`]),
    ...(failed === 0 ? [] : [`         ${failed} instances could not be embedded:`]),
    ...failures.map(({ SOPInstanceUID, reason }) => `           ${SOPInstanceUID}  ${reason}`),
    ...(standingRegionsWithout.length === 0
      ? []
      : [`         standing regions that cannot be matched with it yet: ${standingRegionsWithout.join(", ")}`]),
  ]
}

export const listLines = ({ models, configured, configuredServes }: Models) => [
  ...models.flatMap(modelLines),
  ...(configuredServes
    ? []
    : [
        `model.preset in the configuration is ${configured}: it counts for a new data folder only, and does not serve here`,
      ]),
]

const percent = (share: number) => `${(share * 100).toFixed(0)} %`
const row = (name: string, first: string, second = "") => `${name.padEnd(24)}${first.padEnd(26)}${second}`.trimEnd()
const estimate = ({ mean, low, high }: ModelComparison["sameTop"]) =>
  `${percent(mean)} (${percent(low)} to ${percent(high)})`

export const comparisonLines = (found: ModelComparison) => {
  const { serving, other, n, k, seed, latency, slices } = found
  return [
    row("", "serving", "other"),
    row("model", serving, other),
    row(
      "median, 95th of 100",
      `${latency.serving.median} ms, ${latency.serving.p95} ms`,
      `${latency.other.median} ms, ${latency.other.p95} ms`,
    ),
    row("slices", String(slices.of), String(slices.held)),
    "",
    row(`of the serving's ${k}`, "found by the other (95 %)"),
    row("series", estimate(found.seriesRecall)),
    row("studies", estimate(found.studyRecall)),
    row("same series first", estimate(found.sameTop)),
    "",
    `${n} regions, seed ${seed}`,
  ]
}

const switchLines = ({ serving, before, slicesNotSearchable, standingRegionsWithout }: ModelSwitch) => [
  `${serving} serves; ${before} is kept beside it (\`model rollback\` goes back, \`model drop\` removes it)`,
  ...(slicesNotSearchable === 0 ? [] : [`${slicesNotSearchable} slices are not searchable until they are embedded`]),
  ...(standingRegionsWithout.length === 0
    ? []
    : [`standing regions that cannot be matched, as the study of each is gone: ${standingRegionsWithout.join(", ")}`]),
]

type Given = { readonly json: boolean }
const print =
  <A>(lines: (value: A) => ReadonlyArray<string>) =>
  ({ json }: Given, value: A) =>
    Console.log(json ? JSON.stringify(value, null, 2) : lines(value).join("\n"))

const preset = Argument.String("preset").pipe(
  Argument.withDescription(
    "Name in gateway-config/models without .yaml, or the path of a preset file on the gateway's machine",
  ),
)
const anyway = Flag.Boolean("anyway").pipe(
  Flag.withDescription(
    "Also while the other model has not embedded everything: what it lacks is not searchable until then",
  ),
  Flag.withDefault(false),
)

const list = Command.make(
  "list",
  shared,
  Effect.fnUntraced(function* (given) {
    const client = yield* apiClient(given.url, signInHeaders(given))
    yield* print(listLines)(given, yield* explain(given.url)(client.models.list()))
  }),
).pipe(Command.withDescription("Show the model that serves and the one beside it, with progress"))

const shadow = Command.make(
  "shadow",
  { preset, ...shared },
  Effect.fnUntraced(function* ({ preset, ...given }) {
    const client = yield* apiClient(given.url, signInHeaders(given))
    yield* print(listLines)(given, yield* explain(given.url)(client.models.shadow({ payload: { preset } })))
  }),
).pipe(Command.withDescription("Embed all that is stored with another model, while the present one serves"))

const compare = Command.make(
  "compare",
  {
    n: Flag.Int("n").pipe(Flag.withDescription("Regions that are sampled, 1 to 500"), Flag.withDefault(30)),
    k: Flag.Int("k").pipe(Flag.withDescription("Hits compared"), Flag.withDefault(10)),
    seed: Flag.Int("seed").pipe(Flag.withDescription("The same seed samples the same regions"), Flag.withDefault(1)),
    ...shared,
  },
  Effect.fnUntraced(function* ({ n, k, seed, ...given }) {
    const client = yield* apiClient(given.url, signInHeaders(given))
    const found = yield* explain(given.url)(client.models.compare({ payload: { samples: n, k, seed } }))
    yield* print(comparisonLines)(given, found)
  }),
).pipe(Command.withDescription("Ask both models for sampled regions: agreement and speed"))

const change = Command.make(
  "switch",
  { preset: preset.pipe(Argument.optional), anyway, ...shared },
  Effect.fnUntraced(function* ({ preset, anyway, ...given }) {
    const client = yield* apiClient(given.url, signInHeaders(given))
    const payload = Option.isSome(preset) ? { preset: preset.value, anyway } : { anyway }
    yield* print(switchLines)(given, yield* explain(given.url)(client.models.switch({ payload })))
  }),
).pipe(Command.withDescription("Let the other model serve; at once, without a restart"))

const rollback = Command.make(
  "rollback",
  { anyway, ...shared },
  Effect.fnUntraced(function* ({ anyway, ...given }) {
    const client = yield* apiClient(given.url, signInHeaders(given))
    yield* print(switchLines)(given, yield* explain(given.url)(client.models.rollback({ payload: { anyway } })))
  }),
).pipe(Command.withDescription("Let the model serve again that served before"))

const drop = Command.make(
  "drop",
  { preset, ...shared },
  Effect.fnUntraced(function* ({ preset, ...given }) {
    const client = yield* apiClient(given.url, signInHeaders(given))
    yield* print(listLines)(given, yield* explain(given.url)(client.models.drop({ payload: { preset } })))
  }),
).pipe(Command.withDescription("Remove the vectors of a model that does not serve"))

export const model = Command.make("model").pipe(
  Command.withDescription("Try another model on what is stored, compare, switch and go back, while the gateway serves"),
  Command.withSubcommands([list, shadow, compare, change, rollback, drop]),
)
