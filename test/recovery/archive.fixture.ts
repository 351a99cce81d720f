// An archive on the disk as the gateway leaves it when it is killed, and what a later start makes of it.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { CurrentCaller, internal } from "../../src/domain/caller.ts"
import type { SOPInstanceUID } from "../../src/domain/uid.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { readInstance } from "../../src/listener/read-instance.ts"
import * as Reading from "../../src/listener/ReadingThreads.ts"
import { Recovery } from "../../src/recovery/Recovery.ts"
import { storage } from "../../src/recovery/storage.ts"
import { element, part10 } from "../dicom/part10.fixture.ts"

/** A small object that says where it belongs. */
export const object = (study: number, n: number): Buffer =>
  part10(
    Buffer.concat([
      element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
      element(0x00080018, "UI", `1.${study}.1.${n}`),
      element(0x00080060, "CS", "CT"),
      element(0x00100010, "PN", `Patient^${study}`),
      element(0x0020000d, "UI", `1.${study}`),
      element(0x0020000e, "UI", `1.${study}.1`),
    ]),
  )

/** As the listener does it, for a sender whose studies have this origin. */
export const store = (bytes: Buffer, origin = "") =>
  Effect.scoped(
    Effect.gen(function* () {
      const draft = yield* (yield* Blobs).draft
      yield* draft.write(bytes)
      const { warning: _, ...header } = yield* readInstance(yield* draft.content, undefined)
      const committed = yield* draft.commit
      const [acceptance] = yield* (yield* Ledger).accept([{ ...header, ...committed }])
      return acceptance?._tag
    }),
  ).pipe(Effect.provide(Reading.layer), Effect.provideService(CurrentCaller, { ...internal, origin }))

/** As DELETE does it. */
export const remove = Effect.fnUntraced(function* (uid: string) {
  const [ledger, blobs] = [yield* Ledger, yield* Blobs]
  const { instances } = yield* ledger.delete({ SOPInstanceUID: uid as SOPInstanceUID })
  for (const { digest } of instances) yield* blobs.remove(digest, ledger.isNamed(digest))
})

/** Runs with the archive open, and leaves a copy of the folder as a kill at the end of the work would. */
export const killedAfter = <A, E>(dir: string, copy: string, work: Effect.Effect<A, E, Ledger | Blobs>) =>
  work.pipe(
    Effect.tap(() => Effect.sync(() => execFileSync("cp", ["-a", dir, copy]))),
    Effect.provide(storage(dir)),
  )

/** The next start: its report, and each stored object's bytes by UID. */
export const restarted = (dir: string, options?: Parameters<typeof storage>[1]) =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const blobs = yield* Blobs
    const stored = new Map<string, Buffer>()
    const origins = new Map<string, string>()
    for (const { SOPInstanceUID, StudyInstanceUID, digest } of yield* ledger.held({})) {
      stored.set(SOPInstanceUID, readFileSync(blobs.path(digest)))
      const overview = yield* ledger.studyOverview(StudyInstanceUID)
      if (overview._tag === "Some") origins.set(StudyInstanceUID, overview.value.origin)
    }
    return { report: (yield* Recovery).report, stored, origins }
  }).pipe(Effect.provide(storage(dir, options)))

export const ledgerFile = (dir: string) => join(dir, "ledger", "ledger.db")
