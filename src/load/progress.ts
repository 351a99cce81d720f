// Progress for people: a bar on a terminal, plain lines now and then otherwise.
import * as Effect from "effect/Effect"
import { Presets, SingleBar } from "cli-progress"

export interface Progress {
  /** `note` is shown beside the numbers. */
  readonly advance: (note: string) => Effect.Effect<void>
}

/** Lives as long as its scope. Plain lines come every tenth of the work. */
export const progress = (label: string, total: number) =>
  process.stderr.isTTY
    ? Effect.acquireRelease(
        Effect.sync(() => {
          const bar = new SingleBar({ format: `${label} {bar} {value}/{total}  {note}` }, Presets.shades_classic)
          bar.start(total, 0, { note: "" })
          return bar
        }),
        (bar) => Effect.sync(() => bar.stop()),
      ).pipe(Effect.map((bar): Progress => ({ advance: (note) => Effect.sync(() => bar.increment(1, { note })) })))
    : Effect.sync((): Progress => {
        let done = 0
        const every = Math.max(1, Math.ceil(total / 10))
        return {
          advance: (note) =>
            Effect.sync(() => {
              done++
              if (done % every === 0 || done === total) process.stderr.write(`${label} ${done}/${total}  ${note}\n`)
            }),
        }
      })
