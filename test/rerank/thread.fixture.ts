// A query thread that answers slowly, and with its own number instead of stacks.
import { threadId } from "node:worker_threads"

export const ready = (): void => undefined

export const stacksOf = async () => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  return [{ SeriesInstanceUID: String(threadId), stack: "a" }]
}
