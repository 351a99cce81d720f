// Wildcards and comparable values: what hostile patterns cost, and that SQL columns agree with attribute maps.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import type { DicomJson } from "../../src/domain/instance.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { type Key, mapMatcher } from "../../src/ledger/matching.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { valueTests } from "../../src/ledger/value-test.ts"
import { wildcardMatches } from "../../src/ledger/wildcard.ts"
import { newInstance } from "../support/instances.ts"

const letters = fc.string({ unit: fc.constantFrom("a", "b", "A", "^"), maxLength: 6 })
const patterns = fc.string({ unit: fc.constantFrom("a", "b", "A", "^", "*", "?"), maxLength: 6 })

/** The same by regular expression; safe here, where all is short. */
const expected = (pattern: string, text: string) =>
  new RegExp(
    `^${pattern
      .replace(/[\^$.|()[\]{}+\\]/g, "\\$&")
      .replace(/\*+/g, "[^]*")
      .replace(/\?/g, "[^]")}$`,
  ).test(text)

describe("wildcards", () => {
  it("match as regular expressions would", () => {
    fc.assert(
      fc.property(patterns, letters, (pattern, text) => {
        assert.strictEqual(wildcardMatches(pattern, text), expected(pattern, text))
      }),
      { numRuns: 2000 },
    )
  })

  it("take no longer for a hostile pattern", () => {
    const start = performance.now()
    assert.isFalse(wildcardMatches("*a".repeat(4000), `${"a".repeat(3999)}b`))
    assert.isFalse(wildcardMatches(`${"*a?".repeat(2000)}b`, "a".repeat(10_000)))
    assert.isBelow(performance.now() - start, 2000)
  })

  it.effect("find by column what they find in attribute maps", () =>
    Effect.gen(function* () {
      const names = ["", "a", "A^b", "ab^a^^", "b^a=a", "aAb^b^a", "^a", "a*"]
      const ledger = yield* Ledger
      const stored = names.map((name, i) =>
        newInstance(i + 1, 1, 1, {
          "00100010":
            name === ""
              ? { vr: "PN" }
              : { vr: "PN", Value: [{ Alphabetic: name.split("=")[0], Ideographic: name.split("=")[1] ?? "" }] },
          "00100020": name === "" ? { vr: "LO" } : { vr: "LO", Value: [name] },
        } as DicomJson),
      )
      yield* ledger.accept(stored)
      const samples = fc.sample(fc.tuple(fc.constantFrom("00100010", "00100020"), patterns), 200)
      for (const [tag, pattern] of samples) {
        const vr = tag === "00100010" ? "PN" : "LO"
        const key: Key = { tag, vr, tests: valueTests(vr, pattern, false) ?? [] }
        if (key.tests.length === 0) continue
        const { matches } = yield* ledger.search({ level: "study", match: [key], limit: 100, offset: 0 })
        assert.deepStrictEqual(
          matches.map((attributes) => attributes["0020000D"]?.Value?.[0]),
          stored
            .filter(({ attributes }) => mapMatcher([key])(attributes))
            .map(({ StudyInstanceUID }) => StudyInstanceUID),
          pattern,
        )
      }
    }).pipe(Effect.provide(layerMemory)),
  )
})
