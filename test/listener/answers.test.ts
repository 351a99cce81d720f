// What a store request may look like, and in which form it is answered (PS3.18 §8.6, §8.7, §10.5.3).
import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { nativeXmlReader } from "../../src/dicom/read-native-xml.ts"
import { storeResponse, storeStatus, type Outcome } from "../../src/listener/store-response.ts"
import { paced } from "../../src/listener/request-body.ts"
import { boundary, contentType, post, related, singles, startStow, type Stow, volume } from "./stow-server.fixture.ts"

const file = volume[0]!
const ask = (stow: Stow, body: Uint8Array, headers: Readonly<Record<string, string>>, query = "") =>
  Effect.promise(async () => {
    const response = await fetch(`${stow.base}/studies${query}`, { method: "POST", body, headers })
    return { status: response.status, type: response.headers.get("content-type") ?? "", text: await response.text() }
  })

describe("answers of store requests", () => {
  it.live("come as JSON or XML, as the caller likes best", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const body = related([file])
      const take = (accept: string, query = "") => ask(stow, body, { "content-type": contentType, accept }, query)
      for (const accept of ["*/*", "application/*", "application/dicom+json", "text/html, */*;q=0.1"]) {
        const { status, type, text } = yield* take(accept)
        assert.deepStrictEqual([status, type], [200, "application/dicom+json"], accept)
        assert.isDefined(JSON.parse(text)["00081199"])
      }
      const single = yield* take("application/dicom+xml, application/dicom+json;q=0.5")
      assert.deepStrictEqual([single.status, single.type], [200, "application/dicom+xml"])
      const reader = nativeXmlReader()
      reader.write(single.text)
      const module = reader.close()
      assert.match(String(module["00081190"]?.Value?.[0]), /\/dicomweb\/studies\/[0-9.]+$/)
      assert.strictEqual(module["00081199"]?.Value?.length, 1)
      const parts = yield* take('multipart/related; type="application/dicom+xml"')
      assert.match(parts.type, /^multipart\/related; type="application\/dicom\+xml"; boundary=/)
      assert.include(parts.text, "<NativeDicomModel")
      assert.strictEqual((yield* take("*/*", "?accept=application/dicom%2Bxml")).type, "application/dicom+xml")
      const impossible = yield* take("image/png")
      assert.strictEqual(impossible.status, 406)
      assert.isString(JSON.parse(impossible.text).error)
    }),
  )

  it.live("one file by itself needs no multipart, and any legal way of saying multipart is understood", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const alone = yield* ask(stow, file, { "content-type": "application/dicom; transfer-syntax=*" })
      assert.strictEqual(alone.status, 200)
      const types = [
        `multipart/related; type=application/dicom; boundary=${boundary}`,
        `multipart/related; boundary=${boundary}`,
        `MULTIPART/RELATED ; BOUNDARY="${boundary}" ; TYPE="APPLICATION/DICOM"; charset=utf-8`,
        `multipart/related;start="<a>";boundary=${boundary};type="application/dicom";transfer-syntax=1.2.840.10008.1.2.1`,
      ]
      for (const type of types)
        assert.strictEqual((yield* ask(stow, related([file]), { "content-type": type })).status, 200, type)
      const folded =
        "content-TYPE:\r\n\tapplication/dicom;\r\n transfer-syntax=1.2.840.10008.1.2.4.50\r\nContent-Transfer-Encoding: BINARY\r\nContent-Length: 3\r\n"
      const odd = Buffer.concat([
        Buffer.from("preamble"),
        related([file, file], folded),
        Buffer.from(" \t\r\nepilogue"),
      ])
      const twice = yield* ask(stow, odd, { "content-type": contentType })
      assert.deepStrictEqual([twice.status, JSON.parse(twice.text)["00081199"].Value.length], [200, 2])
      assert.strictEqual((yield* stow.ledger.totals).instances, 1)
      // Line ends of one byte are no line ends (RFC 2046 §4.1.1).
      const lines = Buffer.from(related([file]).toString("latin1").replaceAll("\r\n", "\n"), "latin1")
      assert.strictEqual((yield* ask(stow, lines, { "content-type": contentType })).status, 400)
      for (const type of [
        "application/octet-stream",
        "text/plain",
        "multipart/form-data; boundary=x",
        "multipart/related; type=image/png; boundary=x",
        "",
      ])
        assert.strictEqual((yield* ask(stow, file, { "content-type": type })).status, 415, type)
    }),
  )

  it.live("encoded parts and bodies are refused in as many words", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      for (const header of ["Content-Transfer-Encoding: base64", "Content-Encoding: gzip"]) {
        const reply = yield* post(stow, related([file], `Content-Type: application/dicom\r\n${header}\r\n`))
        assert.deepStrictEqual([reply.status, reply.unknown.length], [409, 1], header)
      }
      const zipped = yield* ask(stow, related([file]), { "content-type": contentType, "content-encoding": "gzip" })
      assert.strictEqual(zipped.status, 415)
    }),
  )

  it.live("a sender that waits for 100 Continue gets it, or its refusal", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const { port, hostname } = new URL(stow.base)
      const body = related([file])
      const talk = (type: string) =>
        Effect.callback<string>((resume) => {
          const socket = connect(Number(port), hostname)
          let heard = ""
          socket.write(
            `POST /dicomweb/studies HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
          )
          socket.on("data", (chunk) => {
            if (heard === "" && chunk.toString().startsWith("HTTP/1.1 100 ")) socket.write(body)
            heard += chunk.toString("latin1")
          })
          socket.on("close", () => resume(Effect.succeed(heard)))
          socket.on("error", () => resume(Effect.succeed(heard)))
        })
      assert.match(yield* talk(contentType), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/)
      assert.include(yield* talk("text/plain"), "HTTP/1.1 415 ")
    }),
  )

  it.live("several studies have no common link; a study in the address takes only its own", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const both = yield* post(stow, related([file, singles[0]!]))
      assert.deepStrictEqual([both.status, both.stored.length, both.failed.length], [200, 2, 0])
      assert.deepStrictEqual(both.json["00081190"], { vr: "UR" } as object)
      const [row] = yield* stow.ledger.instances({})
      const mixed = yield* post(stow, related([file, singles[0]!]), { path: `/studies/${row!.StudyInstanceUID}` })
      assert.deepStrictEqual([mixed.status, mixed.stored.length], [202, 1])
      assert.deepStrictEqual(mixed.failed[0]?.["00081197"]?.Value, [0xa900])
      const none = yield* post(stow, related([file]), { path: "/studies/1.2.3" })
      assert.deepStrictEqual([none.status, Object.keys(none.json).sort()], [409, ["00081190", "00081198"]])
    }),
  )

  it("module and status go together", () => {
    const stored: Outcome = {
      _tag: "Stored",
      fresh: true,
      StudyInstanceUID: "1.1",
      SeriesInstanceUID: "1.2",
      SOPInstanceUID: "1.3",
      SOPClassUID: "1.4",
    }
    const refused: Outcome = { _tag: "Refused", reason: 0x110, detail: "x".repeat(100), SOPInstanceUID: "1.5" }
    assert.strictEqual(storeStatus([stored, { ...stored, fresh: false }]), 200)
    assert.strictEqual(storeStatus([{ ...stored, warning: 0xb007 }]), 202)
    assert.strictEqual(storeStatus([refused]), 409)
    const module = storeResponse("http://x/dicomweb", [{ ...stored, warning: 0xb007 }, refused])
    assert.deepStrictEqual(module["00081199"]?.Value?.[0], {
      "00081150": { vr: "UI", Value: ["1.4"] },
      "00081155": { vr: "UI", Value: ["1.3"] },
      "00081190": { vr: "UR", Value: ["http://x/dicomweb/studies/1.1/series/1.2/instances/1.3"] },
      "00081196": { vr: "US", Value: [0xb007] },
    })
    assert.deepStrictEqual(module["00081198"]?.Value?.[0], {
      "00000902": { vr: "LO", Value: ["x".repeat(64)] },
      "00081150": { vr: "UI" },
      "00081155": { vr: "UI", Value: ["1.5"] },
      "00081197": { vr: "US", Value: [0x110] },
    })
  })
})

describe("the pace of a body", () => {
  const drip = (bytes: number, everyMillis: number, count: number) =>
    Stream.range(1, count).pipe(
      Stream.mapEffect(() => Effect.as(Effect.sleep(everyMillis), new Uint8Array(bytes))),
      paced,
      Stream.runFold(
        () => 0,
        (sum: number, chunk) => sum + chunk.length,
      ),
      Effect.result,
    )
  const over = (minutes: number, work: ReturnType<typeof drip>) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(work)
      yield* TestClock.adjust(`${minutes} minutes`)
      return yield* Effect.map(Fiber.join(fiber), (result) =>
        result._tag === "Failure" ? result.failure.reason : result.success,
      )
    })

  it.effect("a byte now and then is given up after a minute; slow lines and long pauses before much are not", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* over(600, drip(1, 20_000, 1000)), "idle")
      assert.strictEqual(yield* over(600, drip(1, 59_000, 1000)), "idle")
      assert.strictEqual(yield* over(600, drip(2048, 1000, 1000)), 2_048_000)
      assert.strictEqual(yield* over(600, drip(1_000_000, 59_000, 10)), 10_000_000)
    }),
  )
})
