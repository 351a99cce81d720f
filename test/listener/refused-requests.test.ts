// Store requests that break off, go too far or meet a gateway in trouble: what is answered, and what stays.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { BlobError } from "../../src/ledger/Blobs.ts"
import { LedgerError } from "../../src/ledger/Ledger.ts"
import { boundary, contentType, post, related, send, startStow, volume, type Stow } from "./stow-server.fixture.ts"

const stored = (stow: Stow) => Effect.map(stow.ledger.totals, ({ instances }) => instances)
const MiB = 2 ** 20

/** Waits for what another fiber is about to do; fails when it does not. */
const eventually = (check: () => boolean) =>
  Effect.suspend(() => (check() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.max([Schedule.spaced("10 millis"), Schedule.recurs(500)])),
    Effect.orDie,
  )

describe("refused store requests", () => {
  it.live("a body that ends early is 400, and the parts that came whole are stored", () =>
    Effect.gen(function* () {
      const files = volume.slice(0, 3)
      const body = related(files)
      const tail = `\r\n--${boundary}`.length
      const partStart = (n: number) => body.indexOf(files[n]!)
      const cuts: ReadonlyArray<readonly [where: string, at: number, whole: number]> = [
        ["before anything", 0, 0],
        ["in the first delimiter", 5, 0],
        ["in the first part's header", 30, 0],
        ["before the first byte of the first part", partStart(0), 0],
        ["in the first part", partStart(0) + 1000, 0],
        ["at the end of the first part", partStart(0) + files[0]!.length, 0],
        ["in the second delimiter", partStart(0) + files[0]!.length + tail - 2, 0],
        ["behind the second delimiter", partStart(0) + files[0]!.length + tail + 2, 1],
        ["in the last part", body.length - 100, 2],
        ["at the end of the last part", body.length - tail - 2, 2],
        ["before the closing dashes", body.length - 2, 2],
        ["between the closing dashes", body.length - 1, 2],
      ]
      for (const [where, at, whole] of cuts) {
        const reply = yield* Effect.scoped(
          Effect.gen(function* () {
            const stow = yield* startStow()
            const reply = yield* post(stow, body.subarray(0, at))
            assert.strictEqual(yield* stored(stow), whole, where)
            assert.deepStrictEqual(stow.drafts(), [], where)
            return reply
          }),
        )
        assert.deepStrictEqual([reply.status, reply.stored.length], [400, whole], where)
        assert.isString(reply.json["error"], where)
      }
    }),
  )

  it.live("a caller that hangs up leaves what was answered by the ledger and no draft", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const body = related(volume.slice(0, 2))
      const { outgoing, reply } = send(stow, [body.subarray(0, body.length - 50)], { end: false })
      reply.catch(() => undefined)
      yield* eventually(() => stow.drafts().length > 0)
      outgoing.destroy()
      yield* eventually(() => stow.drafts().length === 0)
      assert.strictEqual((yield* post(stow, body)).status, 200)
      assert.strictEqual(yield* stored(stow), 2)
    }),
  )

  it.live("wrong requests get their status before the body matters", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const body = related([volume[0]!])
      const status = (headers: Record<string, string>, bytes = body) =>
        Effect.map(post(stow, bytes, { headers }), (reply) => reply.status)
      const multipart = 'multipart/related; type="application/dicom"'
      assert.strictEqual(yield* status({ "content-type": "application/octet-stream" }), 415)
      assert.strictEqual(yield* status({ "content-type": `multipart/form-data; boundary=${boundary}` }), 415)
      assert.strictEqual(yield* status({ "content-type": 'multipart/related; type="text/xml"; boundary=b' }), 415)
      assert.strictEqual(yield* status({ "content-encoding": "gzip" }), 415)
      assert.strictEqual(yield* status({ "content-type": multipart }), 400)
      assert.strictEqual(yield* status({ "content-type": `${multipart}; boundary="${"x".repeat(201)}"` }), 400)
      assert.strictEqual(yield* status({ "content-type": `${multipart}; boundary=other` }), 400)
      assert.strictEqual(yield* status({ accept: "text/html, application/dicom+xml;q=0" }), 406)
      assert.strictEqual(yield* status({}, Buffer.from(`--${boundary}--`)), 400)
      assert.strictEqual(yield* status({}, Buffer.alloc(256 * 1024, "no boundary ")), 400)
      const endless = Buffer.concat([Buffer.from(`--${boundary}\r\nX: `), Buffer.alloc(64 * 1024, "x")])
      assert.strictEqual(yield* status({}, endless), 400)
      assert.strictEqual(yield* stored(stow), 0)
      assert.strictEqual(yield* status({ accept: "application/json;q=0.5, text/html" }), 200)
    }),
  )

  it.live("parts that are no DICOM instance are refused one by one, each with its reason", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const noUids = Buffer.concat([volume[0]!.subarray(0, 132), Buffer.alloc(64)])
      const badUid = Buffer.from(volume[0]!)
      const uid = badUid.lastIndexOf("0.0.0.0.1.8811", 4096, "latin1")
      assert.isAbove(uid, 0)
      badUid.write("../..", uid, "latin1")
      const hostile = [
        Buffer.alloc(0),
        Buffer.from("x"),
        Buffer.alloc(200),
        volume[0]!.subarray(0, 400),
        noUids,
        badUid,
      ]
      const reply = yield* post(stow, related([...hostile, volume[1]!]))
      assert.strictEqual(reply.status, 202)
      assert.deepStrictEqual(
        [...reply.unknown, ...reply.failed].map((item) => item["00081197"]?.Value),
        hostile.map(() => [0xc000]),
      )
      const typed = yield* post(stow, related([volume[1]!], "Content-Type: text/html\r\n"))
      assert.deepStrictEqual([typed.status, typed.unknown.length], [409, 1])
      assert.deepStrictEqual(stow.drafts(), [])
      assert.strictEqual(yield* stored(stow), 1)
    }),
  )

  it.live("too large a part is 413 while the sender still writes, with what was stored before", () =>
    Effect.gen(function* () {
      const stow = yield* startStow({ maxPartBytes: MiB })
      const reply = yield* post(stow, related([volume[2]!, Buffer.alloc(48 * MiB), volume[1]!]))
      assert.deepStrictEqual([reply.status, reply.stored.length], [413, 1])
      assert.strictEqual(yield* stored(stow), 1)
      assert.deepStrictEqual(stow.drafts(), [])
    }),
  )

  it.live("too many parts are 413", () =>
    Effect.gen(function* () {
      const stow = yield* startStow({ maxInstancesPerRequest: 2 })
      const reply = yield* post(stow, related(volume.slice(0, 4)))
      assert.deepStrictEqual([reply.status, reply.stored.length], [413, 2])
    }),
  )

  it.live("a body that stalls is 408 and gives its place back", () =>
    Effect.gen(function* () {
      const stow = yield* startStow({ idleSeconds: 0.2, maxConcurrentRequests: 1 })
      const body = related(volume.slice(0, 2))
      const { reply } = send(stow, [body.subarray(0, body.length - 50)], { end: false })
      assert.strictEqual((yield* Effect.promise(() => reply)).status, 408)
      assert.deepStrictEqual(stow.drafts(), [])
      assert.strictEqual((yield* post(stow, body)).status, 200)
    }),
  )

  it.live("one request more than allowed is told to come again; the others go on", () =>
    Effect.gen(function* () {
      const stow = yield* startStow({ maxConcurrentRequests: 1 })
      const body = related(volume.slice(0, 2))
      const first = send(stow, [body.subarray(0, body.length - 50)], { end: false })
      yield* eventually(() => stow.drafts().length > 0)
      const second = yield* post(stow, body)
      assert.deepStrictEqual([second.status, second.headers["retry-after"]], [503, "1"])
      first.outgoing.end(body.subarray(body.length - 50))
      assert.strictEqual((yield* Effect.promise(() => first.reply)).status, 200)
      assert.strictEqual((yield* post(stow, body)).status, 200)
    }),
  )

  it.live("a ledger that fails is 503, a full disk 507, wherever it shows; nothing is called stored", () =>
    Effect.gen(function* () {
      const body = related(volume.slice(0, 5))
      const cause = new Error("fault injected")
      for (const [reason, status] of [
        ["io", 503],
        ["closed", 503],
        ["disk-full", 507],
      ] as const) {
        const fail = Effect.fail(new LedgerError({ reason, cause }))
        const stow = yield* startStow({}, { ledger: (real) => ({ ...real, accept: () => fail }) })
        const reply = yield* post(stow, body)
        assert.deepStrictEqual([reply.status, reply.stored.length], [status, 0])
        assert.strictEqual(reply.headers["retry-after"], status === 503 ? "1" : undefined)
        assert.deepStrictEqual([stow.drafts(), stow.woken()], [[], 0])
      }
      for (const [reason, status] of [
        ["io", 503],
        ["disk-full", 507],
      ] as const) {
        const fail = Effect.fail(new BlobError({ reason, cause }))
        const onWrite = yield* startStow(
          {},
          {
            blobs: (real) => ({ ...real, draft: Effect.map(real.draft, (draft) => ({ ...draft, write: () => fail })) }),
          },
        )
        assert.strictEqual((yield* post(onWrite, body)).status, status)
        const onCommit = yield* startStow(
          {},
          {
            blobs: (real) => ({ ...real, draft: Effect.map(real.draft, (draft) => ({ ...draft, commit: fail })) }),
          },
        )
        assert.strictEqual((yield* post(onCommit, body)).status, status)
        assert.deepStrictEqual([onWrite.drafts(), onCommit.drafts()], [[], []])
        assert.strictEqual(yield* stored(onCommit), 0)
      }
      const scarce = yield* startStow({ minFreeBytes: Number.MAX_SAFE_INTEGER })
      const reply = yield* post(scarce, body)
      assert.deepStrictEqual([reply.status, yield* stored(scarce)], [507, 0])
    }),
  )

  it.live("a disk that fills up during a request keeps what was stored", () =>
    Effect.gen(function* () {
      let writes = 0
      const full = Effect.fail(new BlobError({ reason: "disk-full", cause: new Error("fault injected") }))
      const stow = yield* startStow(
        {},
        {
          blobs: (real) => ({
            ...real,
            draft: Effect.map(real.draft, (draft) => (++writes > 3 ? { ...draft, write: () => full } : draft)),
          }),
        },
      )
      const reply = yield* post(stow, related(volume.slice(0, 6)))
      assert.deepStrictEqual([reply.status, reply.stored.length, yield* stored(stow)], [507, 3, 3])
    }),
  )

  it.live("bytes cannot be removed while the ledger has not answered for them", () =>
    Effect.gen(function* () {
      const removed: Array<boolean> = []
      const stow = yield* startStow(
        {},
        {
          ledger: (real, blobs) => ({
            ...real,
            accept: (instances) =>
              Effect.forEach(instances, ({ digest }) => blobs.remove(digest, Effect.succeed(false))).pipe(
                Effect.orDie,
                Effect.tap((answers) => Effect.sync(() => removed.push(...answers))),
                Effect.andThen(real.accept(instances)),
              ),
          }),
        },
      )
      assert.strictEqual((yield* post(stow, related(volume.slice(0, 4)))).status, 200)
      assert.deepStrictEqual(removed, [false, false, false, false])
      const [row] = yield* stow.ledger.instances({})
      assert.isTrue(
        yield* stow.blobs.remove(Option.getOrThrow(Option.fromUndefinedOr(row)).digest, Effect.succeed(false)),
      )
    }),
  )

  it.live("requests of other methods and types find no door", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const reply = yield* Effect.promise(() =>
        fetch(`${stow.base}/studies`, { method: "PUT", body: related([]), headers: { "content-type": contentType } }),
      )
      assert.strictEqual(reply.status, 404)
    }),
  )
})
