// Bulk data (PS3.18 §10.4.1.1.5, §8.7.3.3; RFC 9110 §14): links of metadata resolve, whole and in ranges, on one gateway.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { archive, ct, document, icon, loop, pdf, privateBytes } from "./archive.fixture.ts"
import { type DicomJson, items, json, perform, satisfies } from "./checks.fixture.ts"
import { ask, partsOf, type Question } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { type Place, ramp } from "./part10-files.fixture.ts"

const octets = "application/octet-stream"
const seriesOf = (at: Place) => `/studies/${at.StudyInstanceUID}/series/${at.SeriesInstanceUID}`
const instanceOf = (at: Place) => `${seriesOf(at)}/instances/${at.SOPInstanceUID}`
const metadataOf = (at: Place) =>
  Effect.map(
    perform({ name: "", path: `${instanceOf(at)}/metadata`, status: 200 }),
    (answer) => json<ReadonlyArray<DicomJson>>(answer)[0]!,
  )

/** Addresses of the archive's bulk data as metadata gives them, and the bytes behind them. */
class Links extends Context.Service<
  Links,
  Record<"pixels" | "icon" | "private" | "pdf" | "colours", { readonly link: string; readonly bytes: Buffer }>
>()("test/conformance/Links") {}

const LinksLive = Layer.effect(
  Links,
  Effect.gen(function* () {
    const [image, paper, colour] = [yield* metadataOf(ct[0]!), yield* metadataOf(document), yield* metadataOf(loop)]
    const at = (attribute: DicomJson[string] | undefined, bytes: Buffer) => ({
      link: attribute?.BulkDataURI ?? "none",
      bytes,
    })
    return {
      pixels: at(image["7FE00010"], ramp(256, -99)),
      icon: at(items(image, "00880200")[0]?.["7FE00010"], icon),
      private: at(image["00091002"], privateBytes),
      pdf: at(paper["00420011"], pdf.length % 2 === 0 ? pdf : Buffer.concat([pdf, Buffer.alloc(1)])),
      colours: at(
        colour["7FE00010"],
        Buffer.concat(loop.attributes["7FE00010"]![1] === undefined ? [] : [loop.attributes["7FE00010"]![1] as Buffer]),
      ),
    }
  }),
)

const get = (link: string, question: Question = {}) => {
  const url = new URL(link)
  return ask(url.origin, `${url.pathname}${url.search}`, question)
}
const names = ["pixels", "icon", "private", "pdf", "colours"] as const

layer(LinksLive.pipe(Layer.provideMerge(live(archive))), { timeout: 60_000, excludeTestServices: true })(
  "bulk data",
  (it) => {
    for (const name of names) {
      it.effect(`§8.7.3.3 the bytes of ${name}, without multipart`, () =>
        Effect.gen(function* () {
          const { link, bytes } = (yield* Links)[name]
          const answer = yield* get(link, { headers: { accept: octets } })
          satisfies(answer, { name, status: 200, type: /^application\/octet-stream/ })
          assert.isTrue(answer.body.equals(bytes))
        }),
      )
      it.effect(`§8.7.3.3 the bytes of ${name}, as one part`, () =>
        Effect.gen(function* () {
          const { link, bytes } = (yield* Links)[name]
          const answer = yield* get(link, { headers: { accept: `multipart/related; type="${octets}"` } })
          satisfies(answer, {
            name,
            status: 200,
            type: /^multipart\/related; ?type="application\/octet-stream"; ?boundary=/,
          })
          const [part, ...more] = partsOf(answer)
          assert.lengthOf(more, 0)
          assert.isTrue(part!.body.equals(bytes))
          assert.match(part!.headers["Content-Type"] ?? "", /^application\/octet-stream/)
        }),
      )
      it.effect(`§8.7.3.3 ${name} for no Accept, for any, and for the Python client's`, () =>
        Effect.gen(function* () {
          const { link, bytes } = (yield* Links)[name]
          for (const headers of [{}, { accept: "*/*" }, { accept: 'multipart/related; type="*/*"' }] as ReadonlyArray<
            Record<string, string>
          >) {
            const answer = yield* get(link, { headers })
            satisfies(answer, { name, status: 200 })
            const multipart = answer.headers["content-type"]!.startsWith("multipart/related")
            assert.isTrue((multipart ? partsOf(answer)[0]!.body : answer.body).equals(bytes))
            if ("accept" in headers && headers.accept !== "*/*") assert.isTrue(multipart)
          }
        }),
      )
    }

    const ranges: ReadonlyArray<readonly [range: string, from: number, to: number]> = [
      ["bytes=0-99", 0, 100],
      ["bytes=100-", 100, 512],
      ["bytes=-12", 500, 512],
      ["bytes=500-9999", 500, 512],
      ["bytes=511-511", 511, 512],
      ["bytes=0-", 0, 512],
      ["bytes=-9999", 0, 512],
    ]
    for (const [range, from, to] of ranges) {
      it.effect(`RFC 9110 §14.2 Range: ${range}`, () =>
        Effect.gen(function* () {
          const { link, bytes } = (yield* Links).pixels
          const answer = yield* get(link, { headers: { accept: octets, range } })
          satisfies(answer, {
            name: range,
            status: 206,
            type: /^application\/octet-stream/,
            has: { "content-range": `bytes ${from}-${to - 1}/512`, "content-length": String(to - from) },
          })
          assert.isTrue(answer.body.equals(bytes.subarray(from, to)))
        }),
      )
    }
    for (const range of ["bytes=512-", "bytes=9999-10000", "bytes=-0"]) {
      it.effect(`RFC 9110 §15.5.17 nothing of it lies in Range: ${range}`, () =>
        Effect.gen(function* () {
          const answer = yield* get((yield* Links).pixels.link, { headers: { accept: octets, range } })
          satisfies(answer, { name: range, status: 416, has: { "content-range": "bytes */512" } })
        }),
      )
    }
    for (const range of ["bytes=9-1", "lines=0-1", "bytes=a-b", "bytes="]) {
      it.effect(`RFC 9110 §14.2 a range that is none is passed over: ${range}`, () =>
        Effect.gen(function* () {
          const { link, bytes } = (yield* Links).pixels
          const answer = yield* get(link, { headers: { accept: octets, range } })
          satisfies(answer, { name: range, status: [200, 400] })
          if (answer.status === 200) assert.isTrue(answer.body.equals(bytes))
        }),
      )
    }
    it.effect("RFC 9110 §14.3 says that ranges are taken; HEAD tells the length", () =>
      Effect.gen(function* () {
        const { link, bytes } = (yield* Links).private
        const whole = yield* get(link, { headers: { accept: octets } })
        assert.strictEqual(whole.headers["accept-ranges"], "bytes")
        const head = yield* get(link, { method: "HEAD", headers: { accept: octets } })
        satisfies(head, {
          name: "",
          method: "HEAD",
          status: 200,
          has: { "content-length": String(bytes.length), "accept-ranges": "bytes" },
        })
        assert.lengthOf(head.body, 0)
      }),
    )
    it.effect("RFC 9110 §13.1.5 If-Range with another ETag gives the whole", () =>
      Effect.gen(function* () {
        const { link, bytes } = (yield* Links).private
        const etag = (yield* get(link, { headers: { accept: octets } })).headers["etag"]!
        const same = yield* get(link, { headers: { accept: octets, range: "bytes=0-9", "if-range": etag } })
        satisfies(same, { name: "", status: 206 })
        const other = yield* get(link, { headers: { accept: octets, range: "bytes=0-9", "if-range": '"other"' } })
        satisfies(other, { name: "", status: 200 })
        assert.isTrue(other.body.equals(bytes))
      }),
    )
    it.effect("RFC 9110 §13.1.2 If-None-Match", () =>
      Effect.gen(function* () {
        const { link } = (yield* Links).icon
        const etag = (yield* get(link, { headers: { accept: octets } })).headers["etag"]!
        satisfies(yield* get(link, { headers: { accept: octets, "if-none-match": etag } }), { name: "", status: 304 })
      }),
    )
    it.effect("§8.7.5 bulk data as a picture", () =>
      Effect.gen(function* () {
        satisfies(yield* get((yield* Links).private.link, { headers: { accept: "image/png" } }), {
          name: "",
          status: 406,
        })
      }),
    )
    for (const [name, path] of [
      ["study", "/studies/1.2.3.4.2"],
      ["series", seriesOf(loop)],
      ["instance", instanceOf(loop)],
    ] as const) {
      for (const resource of ["bulkdata", "pixeldata"]) {
        it.effect(`§10.4.1.1.5 ${resource} of a ${name}`, () =>
          Effect.gen(function* () {
            const answer = yield* perform({
              name,
              path: `${path}/${resource}`,
              status: 200,
              type: /^multipart\/related/,
            })
            const wanted = (loop.attributes["7FE00010"]![1] as Buffer).toString("hex")
            assert.isTrue(partsOf(answer).some(({ body }) => wanted.includes(body.toString("hex")) && body.length > 0))
          }),
        )
      }
    }
  },
)
