// Two plots as SVG: recall by class as bars, recall against latency as points. Text and axes only, no script.

const escaped = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;")

const colours = ["#4e79a7", "#f28e2b", "#59a14f", "#b6b6b6"] as const

const text = (x: number, y: number, said: string, anchor: "start" | "middle" | "end" = "start") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(said)}</text>`

const page = (width: number, height: number, parts: ReadonlyArray<string>) =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...parts,
    `</svg>\n`,
  ].join("\n")

const legend = (series: ReadonlyArray<string>, x: number, y: number) =>
  series.flatMap((name, n) => [
    `<rect x="${x + n * 110}" y="${y}" width="10" height="10" fill="${colours[n % colours.length]}"/>`,
    text(x + n * 110 + 14, y + 9, name),
  ])

export interface Bars {
  readonly label: string
  /** One value (0..1) per series; NaN for none. */
  readonly values: ReadonlyArray<number>
}

/** Horizontal bars, one group a class. */
export const barPlot = (title: string, series: ReadonlyArray<string>, rows: ReadonlyArray<Bars>): string => {
  const [left, top, width, bar] = [230, 50, 520, 7]
  const step = series.length * bar + 8
  const height = top + rows.length * step + 30
  const parts = rows.flatMap(({ label, values }, row) => {
    const y = top + row * step
    return [
      text(left - 8, y + step / 2, label, "end"),
      ...values.map((value, n) =>
        Number.isNaN(value)
          ? ""
          : `<rect x="${left}" y="${y + n * bar}" width="${(value * width).toFixed(1)}" height="${bar - 1}" fill="${colours[n % colours.length]}"/>`,
      ),
    ]
  })
  const axis = [0, 0.25, 0.5, 0.75, 1].flatMap((at) => [
    `<line x1="${left + at * width}" x2="${left + at * width}" y1="${top - 4}" y2="${height - 22}" stroke="#ddd"/>`,
    text(left + at * width, height - 8, at.toFixed(2), "middle"),
  ])
  return page(left + width + 30, height, [text(12, 18, title), ...legend(series, left, 28), ...axis, ...parts])
}

export interface Point {
  readonly label: string
  /** Above 0; the axis is logarithmic. */
  readonly milliseconds: number
  readonly recall: number
}

export const latencyPlot = (title: string, points: ReadonlyArray<Point>): string => {
  const [left, top, width, height] = [60, 40, 520, 300]
  const logs = points.map(({ milliseconds }) => Math.log10(milliseconds))
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs, Math.min(...logs) + 0.1))]
  const x = (milliseconds: number) => left + ((Math.log10(milliseconds) - low) / (high - low)) * width
  const y = (recall: number) => top + (1 - recall) * height
  const decades = Array.from({ length: high - low + 1 }, (_, n) => low + n)
  return page(left + width + 120, top + height + 50, [
    text(12, 18, title),
    ...decades.flatMap((decade) => [
      `<line x1="${x(10 ** decade)}" x2="${x(10 ** decade)}" y1="${top}" y2="${top + height}" stroke="#ddd"/>`,
      text(x(10 ** decade), top + height + 16, `${10 ** decade} ms`, "middle"),
    ]),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((at) => [
      `<line x1="${left}" x2="${left + width}" y1="${y(at)}" y2="${y(at)}" stroke="#ddd"/>`,
      text(left - 6, y(at) + 4, at.toFixed(2), "end"),
    ]),
    ...points.flatMap(({ label, milliseconds, recall }, n) => [
      `<circle cx="${x(milliseconds).toFixed(1)}" cy="${y(recall).toFixed(1)}" r="5" fill="${colours[n % colours.length]}"/>`,
      text(x(milliseconds) + 8, y(recall) + 4, label),
    ]),
    text(left + width / 2, top + height + 36, "median time of a region query", "middle"),
  ])
}
