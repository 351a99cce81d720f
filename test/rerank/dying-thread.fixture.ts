// A query thread that dies of one series and answers any other with its own number.
import { threadId } from "node:worker_threads"

export const ready = (): void => undefined

export const stacksOf = (series: ReadonlyArray<string>) => {
  if (series.includes("6.6.6")) process.exit(1)
  return [{ SeriesInstanceUID: String(threadId), stack: "a" }]
}
