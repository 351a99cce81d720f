// The report of a run: Markdown for people, JSON for machines, plots; nothing in it is edited by hand.
import type { Filed, Row } from "./summary.ts"
import { modes, measures, summarise } from "./summary.ts"
import { type Estimate, percentile } from "./statistics.ts"
import { barPlot, latencyPlot } from "./plot.ts"

export interface Run {
  readonly command: string
  readonly machine: string
  readonly date: string
  readonly model: string
  readonly volumes: number
  readonly subjects: number
  readonly slices: number
  /** Milliseconds of exhaustive counting, and of the paper's re-ranking, per region: kernel run and ranking. */
  readonly exhaustive: ReadonlyArray<number>
}

const number = (value: number | undefined) =>
  value === undefined || Number.isNaN(value) ? "–" : value.toFixed(3).replace(/^0/, "")
const withInterval = (value: Estimate | undefined) =>
  value === undefined || Number.isNaN(value.mean)
    ? "–"
    : `${number(value.mean)} [${number(value.low)}, ${number(value.high)}]`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const isMode = ({ of }: Row) => (modes as ReadonlyArray<string>).includes(of)

const recallTable = (rows: ReadonlyArray<Row>) =>
  table(
    ["scope", "group", "mode", "queries", "counting", "paper", "ours", "position", "chance"],
    rows
      .filter(isMode)
      .map(({ scope, group, of, queries, values }) => [
        scope,
        group,
        of,
        String(queries),
        ...["counting", "paper", "ours"].map((key) => withInterval(values[key])),
        ...["position", "chance"].map((key) => number(values[key]?.mean)),
      ]),
  )

const classTable = (rows: ReadonlyArray<Row>) =>
  table(
    ["scope", "group", "mode", "classes", "counting", "paper", "ours"],
    rows.filter(isMode).map(({ scope, group, of, classes, perClass }) => [
      scope,
      group,
      of,
      String(classes),
      ...["counting", "paper", "ours"].map((key) => {
        const value = perClass[key]
        return value === undefined ? "–" : `${number(value.mean)} ± ${number(value.deviation)}`
      }),
    ]),
  )

const named: Readonly<Record<string, string>> = {
  best: "share of the 15 best slices that show it",
  ratio: "localization ratio (15 contributing slices at the most)",
  zIoU: "overlap along the body",
  iou: "overlap of the boxes",
}

const localisationTable = (rows: ReadonlyArray<Row>) =>
  table(
    ["scope", "group", "measure", "pairs", "paper", "ours", "position", "chance", "ceiling"],
    rows
      .filter((row) => !isMode(row))
      .map(({ scope, group, of, queries, values }) => [
        scope,
        group,
        named[of] ?? of,
        String(queries),
        ...["paper", "ours"].map((key) => withInterval(values[key])),
        ...["position", "chance", "ceiling"].map((key) => number(values[key]?.mean)),
      ]),
  )

const structuresOf = (evaluations: ReadonlyArray<Filed>) =>
  [
    ...new Set(
      evaluations.flatMap(({ answers }) =>
        answers.filter(({ level }) => level === "coarse").map((one) => one.structure),
      ),
    ),
  ].toSorted()

const perStructure = (evaluations: ReadonlyArray<Filed>) =>
  structuresOf(evaluations).map((structure) => {
    const rows = summarise(evaluations, "coarse", structure)
    const together = rows.find(({ group }) => group === "together")?.group ?? rows[0]?.group
    return {
      structure,
      rows: rows.filter(({ scope, group }) => scope === "all" && group === together),
    }
  })

export const makeReport = (run: Run, evaluations: ReadonlyArray<Filed>) => {
  const levels = { coarse: summarise(evaluations, "coarse"), fine: summarise(evaluations, "fine") }
  const structures = perStructure(evaluations)
  const times = evaluations.flatMap(({ milliseconds }) => milliseconds)
  const region = (row: Row | undefined, key: string) => row?.values[key]?.mean ?? Number.NaN
  const regionOf = (rows: ReadonlyArray<Row>) => rows.find(({ of }) => of === "region")
  const overall = levels.coarse.find(({ of, scope }) => of === "region" && scope === "all")
  const structureTable = table(
    ["structure", "queries", "counting", "paper", "ours", "chance", "z overlap", "box overlap"],
    structures.map(({ structure, rows }) => {
      const [recall, z, box] = ["region", "zIoU", "iou"].map((of) => rows.find((row) => row.of === of))
      return [
        structure,
        String(recall?.queries ?? 0),
        ...["counting", "paper", "ours", "chance"].map((key) => number(region(recall, key))),
        withInterval(z?.values["ours"]),
        withInterval(box?.values["ours"]),
      ]
    }),
  )
  const markdown = [
    "# Region retrieval benchmark",
    "",
    `${run.date}, \`${run.command}\`, ${run.machine}. Model ${run.model}; ${run.volumes} volumes of ${run.subjects} subjects, ${run.slices} slices that are not blank.`,
    "",
    "Every structure of every volume is a query; volumes of the same subject never answer. `across`: only volumes of another data set may. *Counting* is the hit table of arXiv 2405.09334 by exact search, *paper* its re-ranking (Σ max cos) over all volumes, *ours* what the gateway answers over HTTP. A volume without the label counts as wrong only where its part of the body would have been labelled; otherwise it is left out. *Chance* is the share of right answers among the eligible, *position* knows the relative height alone. In square brackets: 95 % by bootstrap over subjects.",
    "",
    "## Recall, coarse classes, over queries",
    "",
    recallTable(levels.coarse),
    "",
    "## Recall, coarse classes, averaged over classes (± standard deviation)",
    "",
    classTable(levels.coarse),
    "",
    "## Recall, fine classes, averaged over classes (± standard deviation)",
    "",
    classTable(levels.fine),
    "",
    "## Localisation in volumes that show the structure, coarse classes",
    "",
    "Every pair of a query and a volume that shows its structure, whatever the rank.",
    "",
    localisationTable(levels.coarse),
    "",
    "## By structure (region mode, all sources)",
    "",
    structureTable,
    "",
    `Time of a region query in the gateway: p50 ${percentile(times, 0.5).toFixed(1)} ms, p95 ${percentile(times, 0.95).toFixed(1)} ms (${times.length} queries). Plots: recall-by-class.svg, recall-latency.svg.`,
    "",
  ].join("\n")
  return {
    "report.md": markdown,
    "report.json": `${JSON.stringify({ ...run, levels, structures, measures }, null, 1)}\n`,
    "recall-by-class.svg": barPlot(
      "Recall by coarse class, region mode, all sources",
      ["counting", "paper", "ours", "chance"],
      structures.map(({ structure, rows }) => ({
        label: structure,
        values: ["counting", "paper", "ours", "chance"].map((key) => region(regionOf(rows), key)),
      })),
    ),
    "recall-latency.svg": latencyPlot("Region recall against time, all sources", [
      {
        label: "counting, exhaustive",
        milliseconds: percentile(run.exhaustive, 0.5),
        recall: region(overall, "counting"),
      },
      { label: "paper, exhaustive", milliseconds: percentile(run.exhaustive, 0.5), recall: region(overall, "paper") },
      { label: "ours, over HTTP", milliseconds: percentile(times, 0.5), recall: region(overall, "ours") },
    ]),
  }
}
