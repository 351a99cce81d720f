// Limits of one caller: what they may ask for, and that the memory of callers is bounded.
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { makeBuckets, makeUnderWay } from "../../src/access/limits.ts"
import { secretOf } from "../../src/access/credentials.ts"
import { ask, GuardedGateway, keyOf } from "./access.fixture.ts"

describe("limits", () => {
  it("give a burst, then the rate, then say when to come again", () => {
    const take = makeBuckets({ perSecond: 2, burst: 3 })
    assert.deepStrictEqual(
      [0, 0, 0, 0].map((now) => take("a", now)),
      [0, 0, 0, 1],
    )
    assert.strictEqual(take("b", 0), 0)
    assert.strictEqual(take("a", 500), 0)
    assert.strictEqual(take("a", 500), 1)
    // A clock that goes back gives nothing.
    assert.strictEqual(take("a", 0), 1)
  })

  it("forget the caller who was not seen for longest", () => {
    const take = makeBuckets({ perSecond: 1, burst: 1, most: 2 })
    for (const caller of ["a", "b", "a", "c"]) take(caller, 0)
    assert.strictEqual(take("a", 0), 1)
    assert.strictEqual(take("b", 0), 0)
  })

  it("count what is under way", () => {
    const { begin, end } = makeUnderWay(2)
    assert.deepStrictEqual([begin("a"), begin("a"), begin("a"), begin("b")], [true, true, false, true])
    end("a")
    assert.isTrue(begin("a"))
  })
})

describe("credentials", () => {
  it("are found where clients put them", () => {
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` })
    assert.strictEqual(secretOf({}), undefined)
    assert.strictEqual(secretOf({ authorization: "Digest x" }), undefined)
    assert.strictEqual(secretOf(basic("user:key:with:colons")), "key:with:colons")
    assert.strictEqual(secretOf(basic("nothing")), "")
    assert.strictEqual(secretOf({ authorization: "Bearer k", "x-api-key": "mine" }), "mine")
    assert.strictEqual(secretOf({ authorization: `Bearer ${"k".repeat(20_000)}` }), "")
    const offered = { "sec-websocket-protocol": "dicom, bearer.a.b-c_d" }
    assert.strictEqual(secretOf({ ...offered, upgrade: "websocket" }), "a.b-c_d")
    assert.strictEqual(secretOf(offered), undefined)
  })
})

layer(
  GuardedGateway.layer({
    GATEWAY_ACCESS_LIMITS_REQUESTS_PER_SECOND: "1",
    GATEWAY_ACCESS_LIMITS_BURST: "20",
    GATEWAY_ACCESS_LIMITS_CONCURRENT_REQUESTS: "2",
    GATEWAY_ACCESS_LIMITS_BYTES_PER_REQUEST: "100000",
    GATEWAY_ACCESS_LIMITS_FAILURES_PER_MINUTE: "10",
  }),
  { timeout: 60_000, excludeTestServices: true },
)("a gateway with small limits", (it) => {
  it.effect("answers 413 to a body that is too long, announced or not", () =>
    Effect.gen(function* () {
      const chunk = new Uint8Array(65_536)
      const stream = () =>
        new ReadableStream<Uint8Array>({
          start: (controller) => {
            for (let n = 0; n < 4; n++) controller.enqueue(chunk)
            controller.close()
          },
        })
      const headers = { "content-type": "multipart/related; boundary=b", ...keyOf("north") }
      for (const body of [() => new Uint8Array(100_001), stream]) {
        const init = { method: "POST", headers, body: body(), duplex: "half" } as RequestInit
        const answer = yield* ask("/dicomweb/studies", init)
        assert.strictEqual(answer.status, 413, answer.text)
        assert.include(answer.text, "100000 bytes")
      }
    }),
  )

  it.effect("holds one caller to their requests under way, and no other", () =>
    Effect.gen(function* () {
      const { url } = yield* GuardedGateway
      const open = Effect.acquireRelease(
        Effect.promise(() => fetch(`${url}/api/alerts/stream`, { headers: keyOf("south") })),
        (response) => Effect.promise(() => response.body?.cancel() ?? Promise.resolve()),
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          for (let n = 0; n < 2; n++) assert.strictEqual((yield* open).status, 200)
          const third = yield* ask("/api/alerts", { headers: keyOf("south") })
          assert.strictEqual(third.status, 429)
          assert.strictEqual(third.headers.get("retry-after"), "1")
          assert.strictEqual((yield* ask("/api/alerts", { headers: keyOf("north") })).status, 200)
        }),
      )
      // The places come back with the end of the streams.
      yield* ask("/api/alerts", { headers: keyOf("south") }).pipe(
        Effect.filterOrFail(({ status }) => status === 200),
        Effect.eventually,
        Effect.timeout("10 seconds"),
      )
    }),
  )

  it.effect("holds one caller to their rate, and an address to its failures", () =>
    Effect.gen(function* () {
      const many = (headers: Record<string, string>) =>
        Effect.map(Effect.all(Array.from({ length: 30 }, () => ask("/dicomweb/studies", { headers }))), (answers) =>
          answers.filter(({ status }) => status === 429),
        )
      const slowed = yield* many(keyOf("admin"))
      assert.isAbove(slowed.length, 5)
      assert.match(slowed[0]?.headers.get("retry-after") ?? "", /^[1-9]/)
      assert.strictEqual((yield* ask("/dicomweb/studies", { headers: keyOf("reader") })).status, 204)
      assert.isAbove((yield* many({ "x-api-key": "wrong" })).length, 15)
      // Behind one address there may be many: who shows a good key still gets in.
      assert.strictEqual((yield* ask("/dicomweb/studies", { headers: keyOf("reader") })).status, 204)
    }),
  )
})
