// The run that nothing disturbs: what the core studies' searches answer, and which of them a standing region matches.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { end, startGateway } from "./gateway-process.ts"
import { coreDate, coreStudies, type Study } from "./instances.ts"
import { type Outcome, outcomeOf } from "./fault.ts"
import { checkInstances, checkJournal, settled } from "./oracle.ts"
import { makePromises } from "./promises.ts"
import { storeSlices } from "./requests.ts"
import { type Answers, searchAll } from "./searches.ts"

/** Of the first core study's series; its family lies well above, everything else well below. */
export const threshold = 0.5
export const standingRegion = (core: ReadonlyArray<Study>) => ({
  StudyInstanceUID: core[0]!.StudyInstanceUID,
  SeriesInstanceUID: core[0]!.SeriesInstanceUID,
  label: "looks like the first",
  threshold,
  filter: { StudyDate: { from: coreDate } },
})

export interface Undisturbed {
  readonly answers: Answers
  /** Studies that the standing region matches. */
  readonly alerts: ReadonlySet<string>
  /** A gateway may be broken without any fault. */
  readonly outcome: Outcome
}

export const undisturbed = async (seed: number): Promise<Undisturbed> => {
  const folder = mkdtempSync(join(tmpdir(), "faults-undisturbed-"))
  const gateway = startGateway({ data: join(folder, "data") })
  try {
    const url = await gateway.ready
    const promises = makePromises()
    const core = coreStudies(seed)
    const sending = { address: async () => url, promises }
    for (const one of core) await storeSlices(sending, one, [...one.SOPInstanceUIDs.keys()], 1)
    await settled(url, promises)
    await checkInstances(url, promises)
    checkJournal(join(folder, "data"), promises)
    const answers: Answers = promises.violations.length > 0 ? new Map() : await searchAll(url, core)
    const matching = (answers.get("whole series of family 0") ?? []).filter(({ score }) => score >= threshold)
    return {
      answers,
      alerts: new Set(matching.map(({ StudyInstanceUID }) => String(StudyInstanceUID))),
      outcome: outcomeOf("undisturbed", { promises, times: { start: [], searchable: [] }, folder: "" }, {}),
    }
  } finally {
    await end(gateway, "SIGTERM")
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
