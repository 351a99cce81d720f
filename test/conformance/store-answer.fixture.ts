// What the Store Instances Response Module says (PS3.18 Annex I).
import { assert } from "@effect/vitest"
import { type DicomJson, items, json } from "./checks.fixture.ts"
import type { Answer } from "./client.fixture.ts"

export const told = (answer: Answer) => {
  const attributes = json<DicomJson>(answer)
  return {
    attributes,
    stored: items(attributes, "00081199"),
    failed: items(attributes, "00081198"),
    other: items(attributes, "0008119A"),
    reasons: items(attributes, "00081198").map((item) => item["00081197"]?.Value?.[0]),
  }
}
/** Stored are these, nothing failed. */
export const storedAre = (answer: Answer, ...uids: ReadonlyArray<string>) => {
  const { attributes, stored } = told(answer)
  assert.sameMembers(
    stored.map((item) => item["00081155"]?.Value?.[0]),
    [...uids],
  )
  assert.notProperty(attributes, "00081198", "no failed sequence when nothing failed")
  assert.notProperty(attributes, "0008119A")
}
