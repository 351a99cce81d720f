// Which studies are deleted by themselves.
import * as Schema from "effect/Schema"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const RetentionSettings = Schema.Struct({
  maxAgeDays: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 36_500 })),
  ageFrom: Schema.Literals(["arrival", "study-date"]),
  belowFreeBytes: count(0, Number.MAX_SAFE_INTEGER),
  untilFreeBytes: count(0, Number.MAX_SAFE_INTEGER),
  everySeconds: Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 86_400 })),
  studiesPerPass: count(1, 10_000),
}).check(
  Schema.makeFilter(
    ({ belowFreeBytes, untilFreeBytes }) =>
      belowFreeBytes === 0 || untilFreeBytes > belowFreeBytes || "with belowFreeBytes, untilFreeBytes must be more",
  ),
)
export type RetentionSettings = typeof RetentionSettings.Type
