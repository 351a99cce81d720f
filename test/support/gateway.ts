// A gateway in its own process on a temporary folder, and the questions tests ask it.
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Schedule } from "effect"
import type { GatewayStatus, StudyStatus } from "../../src/domain/study.ts"
import { childGateway } from "../../src/demo/child-gateway.ts"

export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })),
)

/** Short quiet time, so that a study is ready soon. */
export const startGateway = (data: string) => childGateway(data, { GATEWAY_STUDY_QUIET_SECONDS: "1" })

export const getJson = <A>(url: string, init: RequestInit = {}) =>
  Effect.tryPromise(async () => {
    const response = await fetch(url, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${url}: ${text}`)
    return (text === "" ? undefined : JSON.parse(text)) as A
  })

export const postJson = <A>(url: string, body: unknown) =>
  getJson<A>(url, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } })

const boundary = "test-part"
export const stowType = `multipart/related; type="application/dicom"; boundary=${boundary}`

/** The store request's body for some files. */
export const stowBody = (files: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([
    ...files.flatMap((bytes) => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      bytes,
      Buffer.from("\r\n"),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ])

export interface StowAnswer {
  readonly status: number
  /** SOP Instance UIDs the answer calls stored. */
  readonly stored: ReadonlyArray<string>
}

export const stow = (url: string, files: ReadonlyArray<Uint8Array>) =>
  Effect.tryPromise(async (signal): Promise<StowAnswer> => {
    const response = await fetch(`${url}/dicomweb/studies`, {
      method: "POST",
      body: stowBody(files),
      headers: { "content-type": stowType },
      signal,
    })
    type Answer = {
      readonly "00081199"?: { readonly Value: ReadonlyArray<{ readonly "00081155": { readonly Value: [string] } }> }
    }
    const answer = (await response.json()) as Answer
    return {
      status: response.status,
      stored: (answer["00081199"]?.Value ?? []).map((item) => item["00081155"].Value[0]),
    }
  })

export const stowFiles = (url: string, paths: ReadonlyArray<string>) =>
  stow(
    url,
    paths.map((path) => readFileSync(path)),
  )

/** Polls until nothing waits in any stage; the state decides, the poll only looks. */
export const settled = (url: string) =>
  getJson<GatewayStatus>(`${url}/api/status`).pipe(
    Effect.filterOrFail(({ stages }) => Object.values(stages).every(({ pending }) => pending === 0)),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 900 }),
  )

export const studyReady = (url: string, study: string) =>
  getJson<StudyStatus>(`${url}/api/studies/${study}/status`).pipe(
    Effect.filterOrFail(({ state }) => state === "ready"),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 300 }),
  )
