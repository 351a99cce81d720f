// Debian's Orthanc with its DICOMweb plugin, configured by the files of gateway-config/examples/orthanc.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schedule } from "effect"
import { exchange, type Question } from "../conformance/client.fixture.ts"
import { freePort, running } from "./peer.fixture.ts"

const example = join(import.meta.dirname, "../../gateway-config/examples/orthanc")

interface Servers {
  readonly [name: string]: object
}

/** The example's configuration; its comments are whole lines. */
const configuration = (): {
  readonly DicomWeb: { readonly Servers: { readonly "region-gateway": { readonly Url: string } } }
} => JSON.parse(readFileSync(join(example, "orthanc.json"), "utf8").replace(/^\s*\/\/.*$/gm, "")) as never

export interface Orthanc {
  readonly url: string
  readonly get: <A>(path: string) => Effect.Effect<A>
  readonly bytes: (path: string) => Effect.Effect<Buffer>
  readonly post: <A>(path: string, body: unknown) => Effect.Effect<{ readonly status: number; readonly body: A }>
  /** How a job of the DICOMweb plugin ends; `path` such as /servers/x/stow. */
  readonly job: (path: string, resources: ReadonlyArray<unknown>) => Effect.Effect<JobEnd, unknown>
  readonly upload: (files: ReadonlyArray<Uint8Array>) => Effect.Effect<ReadonlyArray<UploadAnswer>>
  readonly remove: (path: string) => Effect.Effect<unknown>
}
export interface JobEnd {
  readonly State: string
  readonly ErrorDescription?: string
}
export interface UploadAnswer {
  readonly ID: string
  readonly ParentStudy: string
}

/** The example with its ports, folders and the gateway's address and key put in; `more` are servers beside its own. */
export const startOrthanc = Effect.fnUntraced(function* (
  program: string,
  dir: string,
  gateway: string,
  key: string,
  more: Servers = {},
  /** File of an authority to trust beside Debian's. */
  authority?: string,
) {
  const port = yield* freePort
  const written = configuration()
  const own = {
    ...written.DicomWeb.Servers["region-gateway"],
    Url: written.DicomWeb.Servers["region-gateway"].Url.replace("http://127.0.0.1:8080", gateway),
    HttpHeaders: { "X-Api-Key": key },
  }
  mkdirSync(dir, { recursive: true })
  copyFileSync(join(example, "forward.lua"), join(dir, "forward.lua"))
  const file = join(dir, "orthanc.json")
  writeFileSync(
    file,
    JSON.stringify({
      ...written,
      StorageDirectory: join(dir, "db"),
      IndexDirectory: join(dir, "db"),
      DicomServerEnabled: false,
      HttpPort: port,
      ...(authority === undefined ? {} : { HttpsCACertificates: authority }),
      AuthenticationEnabled: false,
      StableAge: 1,
      DicomWeb: { ...written.DicomWeb, Servers: { "region-gateway": own, ...more } },
    }),
  )
  const url = `http://127.0.0.1:${port}`
  yield* running(program, [file], `${url}/system`)
  // Orthanc closes kept connections without a word.
  const ask = (path: string, question: Question = {}) =>
    Effect.promise(() => exchange(url, path, { ...question, headers: { connection: "close" } }))
  const upload = (bytes: Uint8Array) => ask("/instances", { method: "POST", body: bytes })
  const get = <A>(path: string) => Effect.map(ask(path), ({ text }) => JSON.parse(text) as A)
  const post = <A>(path: string, body: unknown) =>
    Effect.map(ask(path, { method: "POST", body: JSON.stringify(body) }), ({ status, text }) => ({
      status,
      body: (text === "" ? undefined : JSON.parse(text)) as A,
    }))
  const orthanc: Orthanc = {
    url,
    get,
    post,
    // Not synchronous: the plugin then drops the caller whose job has to wait behind another.
    job: (path, Resources) =>
      Effect.gen(function* () {
        const { body } = yield* post<{ readonly ID: string }>(`/dicom-web${path}`, { Resources, Synchronous: false })
        return yield* get<JobEnd>(`/jobs/${body.ID}`).pipe(
          Effect.filterOrFail(({ State }) => State === "Success" || State === "Failure"),
          Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 600 }),
        )
      }),
    bytes: (path) => Effect.map(ask(path), ({ body }) => body),
    upload: (files) =>
      Effect.forEach(files, (bytes) => Effect.map(upload(bytes), ({ text }) => JSON.parse(text) as UploadAnswer)),
    remove: (path) => ask(path, { method: "DELETE" }),
  }
  return orthanc
})
