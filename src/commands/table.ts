// Columns for people: each as wide as its widest value, the last one as it is.

export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> => {
  const widths = head.map((name, at) => rows.reduce((width, row) => Math.max(width, row[at]!.length), name.length))
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd()
  return [head, ...rows].map(line)
}
