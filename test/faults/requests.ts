// One store or delete request that is tried again until it is answered, as a modality or a PACS would.
import { stowBody, stowType } from "../support/gateway.ts"
import { wait } from "./dice.ts"
import type { Study } from "./instances.ts"
import type { Promises } from "./promises.ts"

/** Where the gateway is now; waits while there is none. */
export type Address = () => Promise<string>

/** An answer may be lost with the process that gave it, and a request in a partition waits: then it is sent again. */
const requestMillis = 60_000
/** A request that a gateway which is up does not answer for so long is a fault of its own. */
const patienceMillis = 180_000

const ask = async (url: string, path: string, init: RequestInit) => {
  const response = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(requestMillis) })
  return { status: response.status, text: await response.text() }
}

type Items = { readonly Value?: ReadonlyArray<Record<string, { readonly Value?: ReadonlyArray<string | number> }>> }
const uidsOf = (items: Items | undefined) => (items?.Value ?? []).map((item) => String(item["00081155"]?.Value?.[0]))
/** PS3.18 §I.2.2: the same UID is stored with other content. */
const duplicateUid = 0x0111

export interface Sending {
  readonly address: Address
  readonly promises: Promises
}

const persist = async <A>(
  { address, promises }: Sending,
  what: string,
  attempt: (url: string) => Promise<A | undefined>,
) => {
  for (let waited = 0; waited < patienceMillis;) {
    const url = await address()
    const since = performance.now()
    try {
      const result = await attempt(url)
      if (result !== undefined) return result
    } catch {
      promises.unanswered()
    }
    await wait(50)
    waited += performance.now() - since
  }
  promises.violate("stuck", `${what} was not answered for ${patienceMillis / 1000} s`)
  return undefined
}

/** Slices of one study in one request, until all of them are answered as stored. */
export const storeSlices = (sending: Sending, study: Study, slices: ReadonlyArray<number>, generation: number) =>
  persist(sending, `store of ${study.StudyInstanceUID}`, async (url) => {
    const { promises } = sending
    const body = stowBody(slices.map((slice) => study.bytes(slice, generation)))
    const init = { method: "POST", body, headers: { "content-type": stowType } }
    const { status, text } = await ask(url, "/dicomweb/studies", init)
    // What comes with any other status is no promise.
    if (![200, 202, 409].includes(status)) return undefined
    const answer = JSON.parse(text) as { readonly "00081198"?: Items; readonly "00081199"?: Items }
    const stored = new Set(uidsOf(answer["00081199"]))
    for (const slice of slices) if (stored.has(study.SOPInstanceUIDs[slice]!)) promises.store(study, slice, generation)
    for (const item of answer["00081198"]?.Value ?? []) {
      const [uid, reason] = [item["00081155"]?.Value?.[0], Number(item["00081197"]?.Value?.[0])]
      const kind = reason === duplicateUid ? "resurrected" : "refused"
      promises.violate(kind, `${uid} was refused with reason ${reason.toString(16)}`)
    }
    if (status === 200 && slices.some((slice) => !stored.has(study.SOPInstanceUIDs[slice]!)))
      promises.violate("refused", `a 200 does not name all instances of ${study.StudyInstanceUID}`)
    return true
  })

/** One instance, or the study. */
export const remove = async (sending: Sending, study: Study, slice?: number) => {
  const { promises } = sending
  const uids = slice === undefined ? study.SOPInstanceUIDs : [study.SOPInstanceUIDs[slice]!]
  const instance = `/series/${study.SeriesInstanceUID}/instances/${uids[0]}`
  const path = `/dicomweb/studies/${study.StudyInstanceUID}${slice === undefined ? "" : instance}`
  let tried = false
  const wasStored = uids.some((uid) => promises.stored.has(uid))
  await persist(sending, `delete of ${path}`, async (url) => {
    const before = tried
    tried = true
    const { status } = await ask(url, path, { method: "DELETE" })
    // Not found is right when an earlier attempt had no answer.
    if (status === 404 && wasStored && !before) promises.violate("lost", `${path} is stored, and delete answers 404`)
    return status === 204 || status === 404 ? true : undefined
  })
  for (const uid of uids) promises.remove(uid)
}
