// Results as a Markdown page with machine, command and date, beside the numbers as JSON. Never edited by hand.
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import { join } from "node:path"

export interface Table {
  readonly title: string
  /** What was done, and how to read it. */
  readonly note: string
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string | number>>
}

/** Nearest-rank percentile of the values; 0..1. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}

const machine = () => {
  const [cpu] = cpus()
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown CPU"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`
}

const cell = (value: string | number) =>
  typeof value === "number" ? (value >= 100 ? value.toFixed(0) : value.toFixed(2)) : value
const line = (cells: ReadonlyArray<string | number>) => `| ${cells.map(cell).join(" | ")} |`

/** A page of its own for each bench, so that one can be measured again without the others. */
export const writeReport = (dir: string, name: string, table: Table) => {
  mkdirSync(dir, { recursive: true })
  const date = new Date().toISOString().slice(0, 10)
  const command = `npm run bench -- ${name}`
  const page = [
    `# ${table.title}`,
    "",
    `${date}, \`${command}\`, ${machine()}. The machine is shared and noisy: compare within the table, not across runs.`,
    "",
    table.note,
    "",
    line(table.head),
    line(table.head.map(() => "---")),
    ...table.rows.map(line),
    "",
  ].join("\n")
  writeFileSync(join(dir, `${name}.md`), page)
  writeFileSync(
    join(dir, `${name}.json`),
    `${JSON.stringify({ date, command, machine: machine(), ...table }, null, 2)}\n`,
  )
  return page
}
