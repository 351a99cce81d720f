// What must hold after each fault, once the gateway has caught up: asked of the gateway, and read from its disk.
import type { VerificationReport } from "../../src/api/Api.ts"
import type { Alert } from "../../src/domain/alert.ts"
import type { GatewayStatus, StudyStatus } from "../../src/domain/study.ts"
import { wait } from "./dice.ts"
import type { Study } from "./instances.ts"
import { journalRows } from "./journal-rows.ts"
import { patience } from "./patience.ts"
import type { Promises } from "./promises.ts"
import { type Answers, differences, searchAll } from "./searches.ts"

const json = async <A>(url: string, init: RequestInit = {}): Promise<A> => {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(60_000) })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  return (await response.json()) as A
}

/** Asks until the answer is as it must become; the last answer otherwise. */
export const until = async <A>(ask: () => Promise<A>, isRight: (answer: A) => boolean, millis: number) => {
  const since = performance.now()
  for (;;) {
    const late = performance.now() - since > millis
    try {
      const answer = await ask()
      if (isRight(answer) || late) return answer
    } catch (error) {
      if (late) throw error
    }
    await wait(50)
  }
}

const status = (url: string) => json<GatewayStatus>(`${url}/api/status`)
const isIdle = ({ stages }: GatewayStatus) => Object.values(stages).every(({ pending }) => pending === 0)
const verified = (url: string) =>
  json<typeof VerificationReport.Type>(`${url}/api/index/verify`, {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json" },
  })

/** Nothing waits in any stage, and blobs, ledger, journal and index agree. */
export const settled = async (url: string, promises: Promises): Promise<void> => {
  const last = await until(() => status(url), isIdle, patience.settleMillis)
  if (!isIdle(last)) promises.violate("stuck", `stages still wait: ${JSON.stringify(last.stages)}`)
  // What a crash cut short in a delete, or left without an answer, is finished by the streams soon after.
  const report = await until(
    () => verified(url),
    ({ consistent }) => consistent,
    patience.repairMillis,
  )
  if (!report.consistent) promises.violate("inconsistent", `verify says ${JSON.stringify(report)}`)
}

const uidOf = (item: Record<string, { readonly Value?: ReadonlyArray<string> }>) => String(item["00080018"]?.Value?.[0])

/** Every promise byte for byte, and nothing else is there. */
export const checkInstances = async (url: string, promises: Promises): Promise<void> => {
  await Promise.all(
    [...promises.stored].map(async ([uid, { study, slice, generation }]) => {
      const path = `studies/${study.StudyInstanceUID}/series/${study.SeriesInstanceUID}/instances/${uid}`
      try {
        const response = await fetch(`${url}/dicomweb/${path}`, {
          headers: { accept: "application/dicom; transfer-syntax=*" },
        })
        const bytes = Buffer.from(await response.arrayBuffer())
        if (response.status !== 200)
          promises.violate("lost", `${uid} was answered as stored, and is ${response.status}`)
        else if (!bytes.equals(study.bytes(slice, generation))) promises.violate("altered", `${uid} has other bytes`)
      } catch (error) {
        promises.violate("lost", `${uid} was answered as stored, and its retrieval breaks off: ${String(error)}`)
      }
    }),
  )
  type Found = ReadonlyArray<Record<string, { readonly Value?: ReadonlyArray<string> }>>
  for (let offset = 0, page: Found = []; offset === 0 || page.length > 0; offset += page.length) {
    const response = await fetch(`${url}/dicomweb/instances?limit=500&offset=${offset}`)
    page = response.status === 204 ? [] : ((await response.json()) as Found)
    if (page.length === 0) break
    for (const uid of page.map(uidOf)) {
      if (promises.stored.has(uid)) continue
      promises.violate(
        promises.deleted.has(uid) ? "resurrected" : "inconsistent",
        `${uid} is in QIDO and must not be there`,
      )
    }
  }
  // Of those that are gone, the last ones by name too.
  for (const uid of [...promises.deleted].slice(-20)) {
    const response = await fetch(`${url}/dicomweb/instances?SOPInstanceUID=${uid}`)
    const text = await response.text()
    if (text !== "" && text !== "[]") promises.violate("resurrected", `${uid} was deleted, and QIDO finds it`)
  }
}

/** Each embeddable frame exactly once, as the journal's rows on disk have it. */
export const checkJournal = (data: string, promises: Promises): void => {
  const { frames, unpaired } = journalRows(data)
  for (const uid of promises.stored.keys())
    if (!frames.has(uid)) promises.violate("lost", `${uid} is stored, and not in the journal`)
  for (const [uid, count] of frames) {
    if (count > 1) promises.violate("doubled", `${uid} is ${count} times in the journal`)
    if (promises.stored.has(uid)) continue
    promises.violate(promises.deleted.has(uid) ? "resurrected" : "inconsistent", `${uid} is in the journal`)
  }
  if (unpaired > 0) promises.violate("inconsistent", `${unpaired} rows of slices and vectors belong to no other`)
}

export const checkSearches = async (
  url: string,
  core: ReadonlyArray<Study>,
  expected: Answers,
  promises: Promises,
): Promise<void> => {
  for (const difference of differences(expected, await searchAll(url, core))) promises.violate("different", difference)
}

export const studiesReady = async (url: string, core: ReadonlyArray<Study>, promises: Promises): Promise<void> => {
  for (const { StudyInstanceUID } of core) {
    const { state } = await until(
      () => json<StudyStatus>(`${url}/api/studies/${StudyInstanceUID}/status`),
      ({ state }) => state === "ready",
      patience.repairMillis,
    )
    if (state !== "ready") promises.violate("stuck", `study ${StudyInstanceUID} stays ${state}`)
  }
}

/** `expected`: studies that match the standing region. Each has its alert, and none twice for the same version. */
export const checkAlerts = async (url: string, expected: ReadonlySet<string>, promises: Promises): Promise<void> => {
  const studiesOf = (alerts: ReadonlyArray<Alert>) =>
    new Set(alerts.map(({ StudyInstanceUID }) => String(StudyInstanceUID)))
  const alerts = await until(
    () => json<ReadonlyArray<Alert>>(`${url}/api/alerts?limit=1000`),
    (alerts) => [...expected].every((uid) => studiesOf(alerts).has(uid)),
    patience.repairMillis,
  )
  const found = studiesOf(alerts)
  for (const uid of expected) if (!found.has(uid)) promises.violate("lost", `no alert for ${uid}`)
  for (const uid of found) if (!expected.has(uid)) promises.violate("different", `an alert for ${uid}`)
  const seen = new Set<string>()
  for (const { standingRegion, StudyInstanceUID, studyVersion } of alerts) {
    const key = `${standingRegion} ${StudyInstanceUID} ${studyVersion}`
    if (seen.has(key)) promises.violate("doubled", `an alert of ${key} twice`)
    seen.add(key)
  }
}
