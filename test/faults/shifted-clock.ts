// Preloaded into the gateway and its threads: the wall clock shows the time shifted by what a file says, read as it changes.
import { readFileSync } from "node:fs"

const path = process.env["FAULTS_CLOCK_FILE"] ?? ""
const TrueDate = globalThis.Date
/** The file is looked at so often; the monotonic clock does not jump. */
const lookEveryMillis = 10
let lookedAt = Number.NEGATIVE_INFINITY
let shift = 0

const shiftNow = (): number => {
  const now = performance.now()
  if (now - lookedAt < lookEveryMillis) return shift
  lookedAt = now
  try {
    shift = Number(readFileSync(path, "utf8")) || 0
  } catch {
    // No file, no shift.
  }
  return shift
}

globalThis.Date = new Proxy(TrueDate, {
  construct: (of, args, as) =>
    Reflect.construct(of, args.length === 0 ? [TrueDate.now() + shiftNow()] : args, as) as object,
  get: (of, key, receiver) =>
    key === "now" ? () => TrueDate.now() + shiftNow() : (Reflect.get(of, key, receiver) as unknown),
})
