// A disk of a few megabytes that can be filled to its last byte.
import { execFileSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"

export interface SmallDisk {
  /** Leaves so many bytes free. */
  readonly fill: (free: number) => void
  readonly empty: () => void
  readonly unmount: () => void
}

const run = (command: string, ...args: ReadonlyArray<string>) =>
  execFileSync(command, [...args], { stdio: ["ignore", "ignore", "pipe"] })

/** A tmpfs at `folder`; undefined where mounting is not allowed. */
export const smallDisk = (folder: string, megabytes: number): SmallDisk | undefined => {
  mkdirSync(folder, { recursive: true })
  try {
    run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "none", folder)
  } catch {
    return undefined
  }
  const ballast = join(folder, "ballast")
  const piece = Buffer.alloc(64 * 1024)
  return {
    fill: (free) => {
      const file = openSync(ballast, "w")
      try {
        for (;;) writeSync(file, piece)
      } catch {
        // Full: the rest is taken away from the ballast again.
      } finally {
        closeSync(file)
      }
      if (free > 0) run("truncate", "-s", `-${free}`, ballast)
    },
    empty: () => rmSync(ballast, { force: true }),
    // What still has a file open there has been told to end; the mount goes with it.
    unmount: () => run("umount", "--lazy", folder),
  }
}
