// Means with bootstrap intervals; seeded, so that a run can be repeated to the digit.
import { randomOf } from "../phantom/random.ts"

export interface Estimate {
  readonly n: number
  /** NaN when there is nothing to average. */
  readonly mean: number
  /** 95 % by bootstrap over clusters. */
  readonly low: number
  readonly high: number
}

/** One measured value and what it shares its chance with: queries of one subject are not independent. */
export interface Observation {
  readonly value: number
  readonly cluster: string
}

const resamples = 1000

export const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length

/** Resamples whole clusters (subjects), not single queries. */
export const estimate = (observations: ReadonlyArray<Observation>, seed = 1): Estimate => {
  const clusters = [...Map.groupBy(observations, ({ cluster }) => cluster).values()].map((members) => ({
    sum: members.reduce((sum, { value }) => sum + value, 0),
    count: members.length,
  }))
  const random = randomOf(seed)
  const means = Array.from({ length: clusters.length === 0 ? 0 : resamples }, () => {
    let [sum, count] = [0, 0]
    for (let n = 0; n < clusters.length; n++) {
      const drawn = clusters[Math.floor(random() * clusters.length)]!
      sum += drawn.sum
      count += drawn.count
    }
    return sum / count
  }).sort((a, b) => a - b)
  const at = (share: number) => means[Math.min(means.length - 1, Math.floor(share * means.length))] ?? Number.NaN
  return {
    n: observations.length,
    mean: mean(observations.map(({ value }) => value)),
    low: at(0.025),
    high: at(0.975),
  }
}
/** `share`: 0..1; NaN of nothing. */
export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}
