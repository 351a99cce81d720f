// Results as a Markdown page with machine, command and date, beside the numbers as JSON. Never edited by hand.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine } from "../../src/benchmark/machine.ts"

export interface Table {
  readonly title: string
  /** What was done, and how to read it. */
  readonly note: string
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string | number>>
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
