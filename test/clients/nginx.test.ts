// A gateway behind nginx, as gateway-config/examples/nginx has it: large bodies, links, event streams, Orthanc through it.
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { request } from "node:https"
import { join } from "node:path"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { dicomParts, dicomType, exchange, multipart } from "../conformance/client.fixture.ts"
import { newCt, ramp } from "../conformance/part10-files.fixture.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { type Behind, behindNginx } from "./nginx.fixture.ts"
import { startOrthanc } from "./orthanc.fixture.ts"
import { found } from "./peer.fixture.ts"

const nginx = found("A gateway behind nginx", "nginx-light", "/usr/sbin/nginx")
const orthancProgram = found(
  "Orthanc through nginx",
  "orthanc orthanc-dicomweb",
  "/usr/sbin/Orthanc",
  "/usr/bin/Orthanc",
)

class Proxied extends Context.Service<Proxied, Behind & { readonly dir: string }>()("test/clients/Proxied") {}
const ProxiedLive = Layer.effect(
  Proxied,
  Effect.gen(function* () {
    const dir = yield* temporaryFolder
    return { ...(yield* behindNginx(nginx ?? "", dir)), dir }
  }),
)

/** An image of 12 MB. */
const large = (study?: number) =>
  newCt({ "00280010": ["US", 2000], "00280011": ["US", 3000], "7FE00010": ["OW", ramp(6_000_000)] }, study)

const curl = (behind: Behind, ...args: ReadonlyArray<string>) =>
  Effect.callback<string, Error>((resume) => {
    const all = ["-sS", "--fail-with-body", "--cacert", behind.certificate, "-H", `X-Api-Key: ${behind.key}`, ...args]
    execFile("curl", all, { maxBuffer: 1 << 28 }, (error, stdout) =>
      resume(error === null ? Effect.succeed(stdout) : Effect.fail(new Error(`${error.message} ${stdout}`))),
    )
  })

const tests = () =>
  layer(ProxiedLive, { timeout: 60_000, excludeTestServices: true })("behind nginx", (it) => {
    it.effect("curl stores 12 MB, finds it by the link of the answer, and reads it into a file", () =>
      Effect.gen(function* () {
        const behind = yield* Proxied
        const one = large()
        const body = join(behind.dir, "body")
        writeFileSync(body, multipart(dicomParts([one.bytes])))
        const answer = yield* curl(
          behind,
          "-H",
          `Content-Type: ${dicomType}`,
          "--data-binary",
          `@${body}`,
          `${behind.url}/dicomweb/studies`,
        )
        const link = (JSON.parse(answer) as Record<string, { readonly Value: [string] }>)["00081190"]!.Value[0]
        assert.strictEqual(link, `${behind.url}/dicomweb/studies/${one.StudyInstanceUID}`)
        const instance = `${link}/series/${one.SeriesInstanceUID}/instances/${one.SOPInstanceUID}`
        const read = join(behind.dir, "read.dcm")
        yield* curl(behind, "-H", "Accept: application/dicom", "-o", read, instance)
        assert.isTrue(readFileSync(read).equals(one.bytes))
      }),
    )

    it.effect("an upload reaches the gateway while it is sent: nginx keeps no copy", () =>
      Effect.gen(function* () {
        const behind = yield* Proxied
        const files = [large(80_002), large(80_002)]
        const body = multipart(dicomParts(files.map(({ bytes }) => bytes)))
        const status = yield* Effect.promise(
          (signal) =>
            new Promise<number | undefined>((resolve, reject) => {
              const upload = request(
                `${behind.url}/dicomweb/studies`,
                {
                  method: "POST",
                  ca: readFileSync(behind.certificate),
                  headers: { "content-type": dicomType, "x-api-key": behind.key, "transfer-encoding": "chunked" },
                  signal,
                },
                (response) => {
                  response.resume()
                  response.once("end", () => resolve(response.statusCode))
                },
              )
              upload.once("error", reject)
              // Once it is written, nginx has taken it but for what fits into the sockets' buffers.
              upload.write(body.subarray(0, -100), () => {
                assert.deepStrictEqual(readdirSync(behind.bodies), [])
                upload.end(body.subarray(-100))
              })
            }),
        )
        assert.strictEqual(status, 200)
      }),
    )

    it.effect("the alert stream opens at once and stays open", () =>
      Effect.gen(function* () {
        const behind = yield* Proxied
        const first = yield* Effect.callback<{ readonly type: string | undefined; readonly text: string }, Error>(
          (resume) => {
            const stream = request(
              `${behind.url}/api/alerts/stream`,
              { ca: readFileSync(behind.certificate), headers: { "x-api-key": behind.key } },
              (response) =>
                response.once("data", (bytes: Buffer) => {
                  resume(Effect.succeed({ type: response.headers["content-type"], text: String(bytes) }))
                  stream.destroy()
                }),
            )
            stream.once("error", (error) => resume(Effect.fail(error)))
            stream.end()
          },
        )
        assert.deepStrictEqual(first.type, "text/event-stream")
        assert.match(first.text, /^:/)
      }),
    )

    it.effect("who has no key gets nowhere, through nginx or past it", () =>
      Effect.gen(function* () {
        const behind = yield* Proxied
        const status = (yield* Effect.promise(() => exchange(behind.direct, "/dicomweb/studies"))).status
        assert.strictEqual(status, 401)
        const through = yield* curl({ ...behind, key: "wrong" }, `${behind.url}/dicomweb/studies`).pipe(Effect.flip)
        assert.include(through.message, "401")
      }),
    )

    it.effect.skipIf(orthancProgram === undefined)("Orthanc stores 12 MB through it and gets the same bytes back", () =>
      Effect.gen(function* () {
        const behind = yield* Proxied
        const orthanc = yield* startOrthanc(
          orthancProgram ?? "",
          join(behind.dir, "orthanc"),
          behind.url,
          behind.key,
          {},
          behind.certificate,
        )
        const one = large()
        const [uploaded] = yield* orthanc.upload([one.bytes])
        const stored = yield* orthanc.job("/servers/region-gateway/stow", [uploaded!.ParentStudy])
        assert.strictEqual(stored.State, "Success", JSON.stringify(stored))
        yield* orthanc.remove(`/studies/${uploaded!.ParentStudy}`)
        const back = yield* orthanc.job("/servers/region-gateway/retrieve", [{ Study: one.StudyInstanceUID }])
        assert.strictEqual(back.State, "Success", JSON.stringify(back))
        const md5 = yield* orthanc.bytes(`/instances/${uploaded!.ID}/attachments/dicom/md5`)
        assert.strictEqual(md5.toString(), createHash("md5").update(one.bytes).digest("hex"))
      }),
    )
  })

if (nginx === undefined) {
  describe("behind nginx", () => {
    it("a gateway", ({ skip }) => skip("nginx is not installed: apt-get install nginx-light"))
  })
} else tests()
