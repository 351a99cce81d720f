// Lets a worker thread yield to the main thread: answering senders and searches goes before catching up.
import { readlinkSync } from "node:fs"
import { setPriority } from "node:os"

const niceness = 10

/** On Linux the priority is a thread's own; elsewhere nothing is changed, as it would be the whole process's. */
export const runInBackground = (): void => {
  if (process.platform !== "linux") return
  try {
    const thread = /task\/([0-9]+)$/.exec(readlinkSync("/proc/thread-self"))?.[1]
    if (thread !== undefined) setPriority(Number(thread), niceness)
  } catch {
    // A kernel that says no leaves the thread as it was.
  }
}
