// Parts of a Markdown page that a program writes, between two comments that name them.

const begin = (name: string) => `<!-- generated: ${name} (npm run conformance) -->`
const end = (name: string) => `<!-- end: ${name} -->`

/** The page with the block's text replaced. Fails where the page has no such block. */
export const withBlock = (page: string, name: string, text: string): string => {
  const from = page.indexOf(begin(name))
  const to = page.indexOf(end(name))
  if (from < 0 || to < from) throw new Error(`the page has no block ${name}`)
  return `${page.slice(0, from + begin(name).length)}\n\n${text.trim()}\n\n${page.slice(to)}`
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n")
