// Which series may answer a search.
import type { SearchFilter } from "../domain/region.ts"
import type { SeriesFacts } from "../ledger/Ledger.ts"

/** `patient`: of the query's study; unknown or empty never counts as the same patient. */
export const passes =
  (filter: SearchFilter, patient: string | undefined) =>
  (series: SeriesFacts): boolean => {
    const { Modality, excludeSamePatient = true, StudyDate } = filter
    if (Modality !== undefined && ![Modality].flat().includes(series.Modality)) return false
    if (excludeSamePatient && patient !== undefined && patient !== "" && series.patient === patient) return false
    if (StudyDate?.from !== undefined && (series.StudyDate === "" || series.StudyDate < StudyDate.from)) return false
    if (StudyDate?.to !== undefined && (series.StudyDate === "" || series.StudyDate > StudyDate.to)) return false
    return true
  }
