// From single judgements to tables: per class, averaged over classes, with interval, n, chance and the position alone.
import type { Judged } from "./evaluate.ts"
import type { Evaluation } from "./evaluate.ts"
import { regionWords, type Level } from "./eligible.ts"
import { estimate, type Estimate, mean } from "./statistics.ts"

export const modes = ["slice", "volume", "region", "localized"] as const
export type Mode = (typeof modes)[number]
export const measures = ["best", "ratio", "zIoU", "iou"] as const
export type Measure = (typeof measures)[number]

/** An evaluation with what its rows are grouped by. */
export interface Filed extends Evaluation {
  readonly region: string | undefined
  readonly milliseconds: ReadonlyArray<number>
}

export interface Row {
  readonly scope: "all" | "across"
  readonly group: string
  readonly of: Mode | Measure
  readonly queries: number
  readonly classes: number
  /** Over queries. */
  readonly values: Readonly<Record<string, Estimate>>
  /** Mean and standard deviation of the classes' means, as the paper averages. */
  readonly perClass: Readonly<Record<string, { readonly mean: number; readonly deviation: number }>>
}

export const groupOf = ({ region }: Pick<Filed, "region">): string =>
  [...regionWords(region)].toSorted().join("+") || "whole"

const deviation = (values: ReadonlyArray<number>) => {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}

interface Sample {
  readonly structure: string
  readonly subject: string
  readonly judged: Judged
}

const rowOf = (head: Pick<Row, "scope" | "group" | "of">, samples: ReadonlyArray<Sample>): Row => {
  const keys = [...new Set(samples.flatMap(({ judged }) => Object.keys(judged)))] as ReadonlyArray<keyof Judged>
  const classes = [...Map.groupBy(samples, ({ structure }) => structure).values()]
  const valuesOf = (some: ReadonlyArray<Sample>, key: keyof Judged) =>
    some.flatMap(({ judged, subject }) => {
      const value = judged[key]
      return value === undefined ? [] : [{ value, cluster: subject }]
    })
  return {
    ...head,
    queries: samples.length,
    classes: classes.length,
    values: Object.fromEntries(keys.map((key) => [key, estimate(valuesOf(samples, key))])),
    perClass: Object.fromEntries(
      keys.map((key) => {
        const means = classes
          .map((members) => mean(valuesOf(members, key).map(({ value }) => value)))
          .filter((value) => !Number.isNaN(value))
        return [key, { mean: mean(means), deviation: deviation(means) }]
      }),
    ),
  }
}

/** `structure`: only of this class. */
export const summarise = (evaluations: ReadonlyArray<Filed>, level: Level, structure?: string): ReadonlyArray<Row> => {
  const groups = [...new Set(evaluations.map(groupOf)).values()].toSorted()
  const wanted = (one: { readonly level: Level; readonly structure: string }) =>
    one.level === level && (structure === undefined || one.structure === structure)
  return (["all", "across"] as const).flatMap((scope) =>
    [...(groups.length > 1 ? ["together"] : []), ...groups].flatMap((group) => {
      const members = evaluations.filter((one) => group === "together" || groupOf(one) === group)
      const answers = members.flatMap(({ answers, subject }) =>
        answers.filter((one) => wanted(one) && one.scope === scope).map((one) => ({ ...one, subject })),
      )
      const pairs = members.flatMap(({ pairs, subject }) =>
        pairs.filter((one) => wanted(one) && (scope === "all" || one.across)).map((one) => ({ ...one, subject })),
      )
      return [
        ...modes.map((of) =>
          rowOf(
            { scope, group, of },
            answers.map((one) => ({ structure: one.structure, subject: one.subject, judged: one[of] })),
          ),
        ),
        ...measures.map((of) =>
          rowOf(
            { scope, group, of },
            pairs.map((one) => ({ structure: one.structure, subject: one.subject, judged: one[of] })),
          ),
        ),
      ].filter(({ queries }) => queries > 0)
    }),
  )
}
