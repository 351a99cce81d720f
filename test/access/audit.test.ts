// The audit log: its fields, its files, and that nobody waits for it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { AuditLog } from "../../src/access/AuditLog.ts"
import { type Audited, auditMessage } from "../../src/access/audit-event.ts"

const access = (more: Partial<Audited> = {}): Audited => ({
  event: "retrieve",
  at: Date.UTC(2026, 10, 24, 12),
  status: 200,
  user: "north",
  address: "10.1.2.3",
  method: "GET",
  route: "/dicomweb/studies/:study",
  studies: ["1.2.3"],
  ...more,
})

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "audit-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true })),
)

const lines = (dir: string) =>
  readdirSync(dir)
    .sort()
    .flatMap((name) => readFileSync(join(dir, name), "utf8").trim().split("\n"))
    .map((line) => JSON.parse(line) as { readonly request: { readonly status: number } })

/** Records in a log of its own, and closes it. */
const recorded = Effect.fnUntraced(function* (
  options: Parameters<typeof AuditLog.layer>[0],
  accesses: ReadonlyArray<Audited>,
) {
  const scope = yield* Scope.make()
  const log = Context.get(yield* Layer.buildWithScope(AuditLog.layer(options), scope), AuditLog)
  yield* Effect.forEach(accesses, log.record)
  yield* Scope.close(scope, yield* Effect.exit(Effect.void))
})

describe("an audit message", () => {
  it("has the fields of PS3.15 A.5", () => {
    const { EventIdentification, ActiveParticipant, ParticipantObjectIdentification } = auditMessage(access())
    assert.deepStrictEqual(EventIdentification, {
      EventID: { "csd-code": "110104", codeSystemName: "DCM", originalText: "DICOM Instances Transferred" },
      EventActionCode: "R",
      EventDateTime: "2026-11-24T12:00:00.000Z",
      EventOutcomeIndicator: 0,
    })
    assert.include(ActiveParticipant[0], { UserID: "north", UserIsRequestor: true, NetworkAccessPointID: "10.1.2.3" })
    assert.strictEqual(ParticipantObjectIdentification[0]?.ParticipantObjectID, "1.2.3")
  })

  it("tells somebody whom an issuer gave the name of a key from who has the key", () => {
    assert.strictEqual(auditMessage(access({ by: "key" })).request.signedInBy, "key")
    assert.strictEqual(auditMessage(access({ by: "token" })).request.signedInBy, "token")
    assert.notProperty(auditMessage(access()).request, "signedInBy")
  })

  it("tells a refusal from a failure", () => {
    const outcome = (status: number) => auditMessage(access({ status })).EventIdentification.EventOutcomeIndicator
    assert.deepStrictEqual([200, 304, 401, 404, 429, 500, 503].map(outcome), [0, 0, 4, 4, 4, 8, 8])
  })
})

describe("the audit log", () => {
  it.effect("appends lines to a file of the day that only its owner reads", () =>
    Effect.gen(function* () {
      const dir = join(yield* folder, "audit")
      const options = { dir, keepDays: 0, maxFileBytes: 1e9 }
      yield* TestClock.setTime(Date.UTC(2026, 10, 24))
      yield* recorded(options, [access(), access({ status: 404 })])
      yield* recorded(options, [access({ status: 503 })])
      assert.deepStrictEqual(readdirSync(dir), ["audit-2026-11-24.1.jsonl"])
      assert.strictEqual(statSync(join(dir, "audit-2026-11-24.1.jsonl")).mode & 0o777, 0o600)
      assert.deepStrictEqual(
        lines(dir).map(({ request }) => request.status),
        [200, 404, 503],
      )
      yield* TestClock.setTime(Date.UTC(2026, 10, 25))
      yield* recorded(options, [access()])
      assert.strictEqual(readdirSync(dir).length, 2)
    }).pipe(Effect.scoped),
  )

  it.effect("goes on in another file when one is full, and drops days that are too old", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      for (const name of ["audit-2026-11-01.1.jsonl", "audit-2026-11-20.1.jsonl", "notes.txt"]) {
        writeFileSync(join(dir, name), "{}\n")
      }
      yield* TestClock.setTime(Date.UTC(2026, 10, 24))
      const options = { dir, keepDays: 10, maxFileBytes: 1000 }
      for (let n = 0; n < 3; n++) yield* recorded(options, [access(), access()])
      assert.deepStrictEqual(readdirSync(dir).sort(), [
        "audit-2026-11-20.1.jsonl",
        "audit-2026-11-24.1.jsonl",
        "audit-2026-11-24.2.jsonl",
        "audit-2026-11-24.3.jsonl",
        "notes.txt",
      ])
    }).pipe(Effect.scoped),
  )

  it.live("writes within a second, and keeps what the disk does not take until it does", () =>
    Effect.gen(function* () {
      const dir = yield* folder
      const log = Context.get(
        yield* Layer.build(AuditLog.layer({ dir: join(dir, "audit"), keepDays: 0, maxFileBytes: 1e9 })),
        AuditLog,
      )
      yield* Effect.sync(() => rmSync(join(dir, "audit"), { recursive: true }))
      // A file where the folder was: nothing can be opened in it.
      yield* Effect.sync(() => writeFileSync(join(dir, "audit"), ""))
      yield* log.record(access())
      yield* Effect.sleep("300 millis")
      yield* log.record(access({ status: 404 }))
      rmSync(join(dir, "audit"))
      mkdirSync(join(dir, "audit"))
      const both = Effect.sync(() => lines(join(dir, "audit"))).pipe(
        Effect.filterOrFail(({ length }) => length === 2),
        Effect.catchCause(() => Effect.fail("not yet")),
        Effect.eventually,
      )
      yield* Effect.timeout(both, "5 seconds")
    }).pipe(Effect.scoped),
  )
})
