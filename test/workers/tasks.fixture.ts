// Tasks that behave and misbehave, for pool.test.ts.
import { threadId, workerData } from "node:worker_threads"

let calls = 0
export const echo = (value: unknown) => ({ value, calls: ++calls, threadId, data: workerData })
export const double = (bytes: Uint8Array) => bytes.map((byte) => byte * 2)
export const throws = () => {
  throw new Error("poison")
}
export const dies = () => process.exit(3)
export const hangs = () => {
  for (;;);
}
/** Counts itself in the second number and waits until the first is not 0. */
export const waits = (shared: Int32Array) => {
  Atomics.add(shared, 1, 1)
  Atomics.wait(shared, 0, 0)
  return "ended"
}
