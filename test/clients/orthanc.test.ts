// Orthanc as DICOMweb client and peer: its plugin sends, searches, reads and deletes here, signed in with an API key.
import { createHash, randomBytes } from "node:crypto"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schedule } from "effect"
import { archive, compressed, ct, report } from "../conformance/archive.fixture.ts"
import { type DicomJson, Live } from "../conformance/checks.fixture.ts"
import { ask } from "../conformance/client.fixture.ts"
import { live } from "../conformance/gateway.fixture.ts"
import { file, newCt, ramp } from "../conformance/part10-files.fixture.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { type Orthanc, startOrthanc } from "./orthanc.fixture.ts"
import { found } from "./peer.fixture.ts"

const program = found("Orthanc as DICOMweb client", "orthanc orthanc-dicomweb", "/usr/sbin/Orthanc", "/usr/bin/Orthanc")
const key = randomBytes(32).toString("base64url")
const headers = { "x-api-key": key }
const access = {
  GATEWAY_ACCESS_KEYS: JSON.stringify([
    {
      name: "orthanc",
      sha256: createHash("sha256").update(key).digest("hex"),
      actions: ["read", "store", "delete"],
      origins: "all",
    },
  ]),
}

class Peer extends Context.Service<Peer, Orthanc>()("test/clients/Peer") {}
const PeerLive = Layer.effect(
  Peer,
  Effect.gen(function* () {
    const { url } = yield* Live
    const address = `${url}/dicomweb`
    return yield* startOrthanc(program ?? "", join(yield* temporaryFolder, "orthanc"), url, key, {
      // As many configure it: no chunks (Orthanc before 1.5.7, proxies), password instead of header.
      whole: { Url: address, Username: "orthanc", Password: key, ChunkedTransfers: false, HasDelete: true },
      unknown: { Url: address, HttpHeaders: { "X-Api-Key": "wrong" } },
      // Orthanc then names transfer syntaxes itself.
      named: { Url: address, HttpHeaders: { "X-Api-Key": key }, HasWadoRsUniversalTransferSyntax: false },
    })
  }),
).pipe(Layer.provideMerge(live([], access)))

const stow = (server: string, ...resources: ReadonlyArray<string>) =>
  Effect.flatMap(Peer, (peer) => peer.job(`/servers/${server}/stow`, resources))
const gateway = (path: string) => Effect.flatMap(Live, ({ url }) => ask(url, `/dicomweb${path}`, { headers }))

const tests = () =>
  layer(PeerLive, { timeout: 60_000, excludeTestServices: true })("Orthanc", (it) => {
    it.effect("forwards a study by itself once it is stable", () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        yield* peer.upload(ct.map(({ bytes }) => bytes))
        yield* gateway(`/studies/${ct[0]!.StudyInstanceUID}/series/${ct[0]!.SeriesInstanceUID}/instances`).pipe(
          Effect.filterOrFail(({ text }) => text !== "" && (JSON.parse(text) as ReadonlyArray<unknown>).length === 3),
          Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 150 }),
        )
      }),
    )

    for (const server of ["region-gateway", "whole"]) {
      it.effect(`stow to ${server}: its job succeeds, also with what was sent before`, () =>
        Effect.gen(function* () {
          const peer = yield* Peer
          const sent = [...archive, newCt(), newCt()]
          const answers = yield* peer.upload(sent.map(({ bytes }) => bytes))
          const studies = [...new Set(answers.map(({ ParentStudy }) => ParentStudy))]
          for (const round of ["first", "again"]) {
            const end = yield* stow(server, ...studies)
            assert.strictEqual(end.State, "Success", `${round}: ${JSON.stringify(end)}`)
          }
          const instances = yield* gateway("/instances?limit=1000")
          const uids = (JSON.parse(instances.text) as ReadonlyArray<DicomJson>).map(
            (item) => item["00080018"]?.Value?.[0],
          )
          assert.includeMembers(
            uids,
            sent.map(({ SOPInstanceUID }) => SOPInstanceUID),
          )
        }),
      )
    }

    it.effect("what it sent is here byte for byte", () =>
      Effect.gen(function* () {
        for (const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, bytes } of [ct[0]!, report, ...compressed]) {
          const { body } = yield* Effect.flatMap(Live, ({ url }) =>
            ask(url, `/dicomweb/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/instances/${SOPInstanceUID}`, {
              headers: { ...headers, accept: "application/dicom; transfer-syntax=*" },
            }),
          )
          assert.isTrue(body.equals(bytes), SOPInstanceUID)
        }
      }),
    )

    it.effect("its job fails, saying so, when the gateway has other content under the UID", () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        const one = newCt()
        const [first] = yield* peer.upload([one.bytes])
        assert.strictEqual((yield* stow("region-gateway", first!.ID)).State, "Success")
        yield* peer.remove(`/instances/${first!.ID}`)
        const [changed] = yield* peer.upload([file({ ...one.attributes, "7FE00010": ["OW", ramp(64, 9)] })])
        assert.strictEqual((yield* stow("region-gateway", changed!.ID)).State, "Failure")
      }),
    )

    it.effect("its job fails without a valid key", () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        const [one] = yield* peer.upload([newCt().bytes])
        assert.strictEqual((yield* stow("unknown", one!.ID)).State, "Failure")
      }),
    )

    it.effect("qido", () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        const { body } = yield* peer.post<ReadonlyArray<DicomJson | Record<string, unknown>>>(
          "/dicom-web/servers/region-gateway/qido",
          {
            Uri: "/studies",
            Arguments: { "00100010": "*Doe*" },
          },
        )
        assert.lengthOf(body, 2)
      }),
    )

    it.effect("get: metadata, a frame, a picture", () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        const at = `/studies/${ct[0]!.StudyInstanceUID}/series/${ct[0]!.SeriesInstanceUID}`
        const get = (Uri: string, HttpHeaders: Record<string, string> = {}) =>
          ask(peer.url, "/dicom-web/servers/region-gateway/get", {
            method: "POST",
            headers: { connection: "close" },
            body: JSON.stringify({ Uri, HttpHeaders }),
          })
        const metadata = yield* get(`${at}/metadata`)
        assert.lengthOf(JSON.parse(metadata.body.toString()) as ReadonlyArray<unknown>, 3)
        const instance = `${at}/instances/${ct[0]!.SOPInstanceUID}`
        const frame = yield* get(`${instance}/frames/1`)
        assert.isTrue(frame.body.includes(ramp(256, -99)))
        const picture = yield* get(`${instance}/rendered`, { Accept: "image/png" })
        assert.strictEqual(picture.body.toString("latin1", 1, 4), "PNG")
      }),
    )

    for (const [server, wanted] of [
      ["region-gateway", archive],
      ["whole", [...ct, report]],
      ["named", [...ct, report]],
    ] as const) {
      it.effect(`retrieve from ${server}: its job succeeds, and Orthanc has what was stored`, () =>
        Effect.gen(function* () {
          const peer = yield* Peer
          for (const study of yield* peer.get<ReadonlyArray<string>>("/studies"))
            yield* peer.remove(`/studies/${study}`)
          const studies = [...new Set(wanted.map(({ StudyInstanceUID }) => StudyInstanceUID))]
          const resources = studies.map((Study) => ({ Study }))
          const end = yield* peer.job(`/servers/${server}/retrieve`, resources)
          assert.strictEqual(end.State, "Success", JSON.stringify(end))
          const files = yield* Effect.forEach(yield* peer.get<ReadonlyArray<string>>("/instances"), (id) =>
            peer.bytes(`/instances/${id}/file`),
          )
          const hex = files.map((bytes) => bytes.toString("hex"))
          for (const { bytes, SOPInstanceUID } of wanted) assert.include(hex, bytes.toString("hex"), SOPInstanceUID)
        }),
      )
    }

    it.effect("delete", () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        const study = ct[0]!.StudyInstanceUID
        const answer = yield* peer.post("/dicom-web/servers/region-gateway/delete", {
          Level: "Study",
          StudyInstanceUID: study,
        })
        assert.strictEqual(answer.status, 200, JSON.stringify(answer.body))
        assert.strictEqual((yield* gateway(`/studies/${study}/metadata`)).status, 404)
      }),
    )
  })

if (program === undefined) {
  describe("Orthanc", () => {
    it("as DICOMweb client", ({ skip }) => skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb"))
  })
} else tests()
