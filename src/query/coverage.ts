// Which series a search had in view, and which it could not see and why.
import type { Coverage } from "../domain/hit.ts"
import type { SeriesFacts } from "../ledger/Ledger.ts"

/** Series listed as not searchable; an archive may hold many more. */
const maxListed = 1000

/** `admitted`: the series that pass the filter. Those with some searchable slices count as searched. */
export const coverageOf = (admitted: ReadonlyArray<SeriesFacts>, indexSequence: number, model: string): Coverage => {
  const blind = admitted.filter(({ indexedFrames }) => indexedFrames === 0)
  return {
    model,
    indexSequence,
    seriesSearched: admitted.length - blind.length,
    seriesNotSearchable: blind.slice(0, maxListed).map(({ StudyInstanceUID, SeriesInstanceUID, notSearchable }) => ({
      StudyInstanceUID,
      SeriesInstanceUID,
      reason: notSearchable ?? "not searchable yet",
    })),
  }
}
