// The audit log: a line per access, appended to a file a day. Who is answered never waits for it.
import { type FileHandle, open, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { AuditSettings } from "../config/access-settings.ts"
import { makeDurableFolder } from "../disk/durable-folder.ts"
import { type Audited, auditMessage } from "./audit-event.ts"

/** Lines that wait for a disk that does not take them; more are lost, and counted. */
const maxWaiting = 200_000
const writeEvery = "100 millis"
const syncMillis = 800
const tellEveryMillis = 30_000
const dayMillis = 86_400_000

const lost = Metric.counter("gateway_audit_lost_lines", {
  description: "Accesses that could not be written to the audit log",
})

export class AuditLog extends Context.Service<
  AuditLog,
  {
    /** Puts the line behind those that wait to be written. */
    readonly record: (access: Audited) => Effect.Effect<void>
  }
>()("gateway/access/AuditLog") {
  static readonly layer = (options: AuditOptions) => Layer.effect(AuditLog, make(options))
  static readonly layerOff = Layer.succeed(AuditLog, { record: () => Effect.void })
}

export interface AuditOptions extends Pick<AuditSettings, "keepDays" | "maxFileBytes"> {
  readonly dir: string
}

interface OpenFile {
  readonly handle: FileHandle
  readonly day: string
  bytes: number
}

const namePattern = /^audit-(\d{4}-\d{2}-\d{2})\.(\d+)\.jsonl$/
const dayOf = (millis: number) => new Date(millis).toISOString().slice(0, 10)

const make = Effect.fnUntraced(function* ({ dir, keepDays, maxFileBytes }: AuditOptions) {
  yield* Effect.try(() => makeDurableFolder(dir)).pipe(Effect.orDie)
  let waiting: Array<string> = []
  let file: OpenFile | undefined
  let [syncedAt, tellFrom, unsynced, failing] = [0, 0, false, false]

  const removeOld = async (now: number) => {
    if (keepDays === 0) return
    const oldest = dayOf(now - keepDays * dayMillis)
    for (const name of await readdir(dir)) {
      const day = namePattern.exec(name)?.[1]
      if (day !== undefined && day < oldest) await rm(join(dir, name))
    }
  }

  /** The day's newest file, or the next one when it is full. */
  const fileOf = async (now: number): Promise<OpenFile> => {
    const day = dayOf(now)
    if (file !== undefined && file.day === day && file.bytes < maxFileBytes) return file
    if (file !== undefined) {
      await file.handle.sync()
      await file.handle.close()
      file = undefined
    }
    await removeOld(now)
    const numbers = (await readdir(dir)).map((name) => namePattern.exec(name)).filter((match) => match?.[1] === day)
    for (let number = Math.max(1, ...numbers.map((match) => Number(match?.[2]))); ; number++) {
      const handle = await open(join(dir, `audit-${day}.${number}.jsonl`), "a", 0o600)
      const { size } = await handle.stat()
      if (size >= maxFileBytes) {
        await handle.close()
        continue
      }
      file = { handle, day, bytes: size }
      return file
    }
  }

  const write = async (now: number) => {
    if (waiting.length > 0) {
      const open = await fileOf(now)
      // A line is a record: one write a batch, and a half line of a full disk is ended by the next.
      const lines = waiting.slice(0, 10_000)
      const text = Buffer.from(`${failing && open.bytes > 0 ? "\n" : ""}${lines.join("\n")}\n`)
      const { bytesWritten } = await open.handle.write(text)
      open.bytes += bytesWritten
      unsynced = true
      if (bytesWritten < text.length) throw new Error("the disk took only a part")
      waiting = waiting.slice(lines.length)
    }
    if (unsynced && now - syncedAt >= syncMillis) {
      await file?.handle.datasync()
      ;[unsynced, syncedAt] = [false, now]
    }
    failing = false
  }

  const flush = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    yield* Effect.tryPromise(() => write(now)).pipe(
      Effect.catch(({ cause }) =>
        Effect.suspend(() => {
          failing = true
          if (now < tellFrom) return Effect.void
          tellFrom = now + tellEveryMillis
          const code = (cause as { readonly code?: unknown }).code ?? String(cause)
          return Effect.logError("the audit log cannot be written", { dir, code, waiting: waiting.length })
        }),
      ),
    )
  })
  yield* Effect.addFinalizer(() =>
    flush.pipe(
      Effect.repeat({ while: () => waiting.length > 0 && !failing }),
      Effect.andThen(Effect.promise(async () => file?.handle.sync().then(() => file?.handle.close()))),
      Effect.ignore,
    ),
  )
  // Ended before the finalizer above, and never in the middle of a write: a line is written once.
  yield* Effect.uninterruptible(flush).pipe(Effect.andThen(Effect.sleep(writeEvery)), Effect.forever, Effect.forkScoped)
  return AuditLog.of({
    record: (access) =>
      Effect.suspend(() => {
        if (waiting.length >= maxWaiting) return Metric.update(lost, 1)
        waiting.push(JSON.stringify(auditMessage(access)))
        return Effect.void
      }),
  })
})
