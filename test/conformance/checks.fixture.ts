// The form of a conformance check: what is asked, and which status, headers and body the standard wants back.
import { assert } from "@effect/vitest"
import { Context, Effect } from "effect"
import { ask, type Answer, type Question } from "./client.fixture.ts"

/** Where the gateway of this file answers. */
export class Live extends Context.Service<Live, { readonly url: string }>()("test/conformance/Live") {}

export interface Check extends Question {
  /** What is claimed, with the section that says so. */
  readonly name: string
  /** Below /dicomweb, unless it begins with another root. */
  readonly path: string
  readonly status: number | ReadonlyArray<number>
  /** Of Content-Type. */
  readonly type?: string | RegExp
  /** Of other headers; null says that it must not be there. */
  readonly has?: Readonly<Record<string, string | RegExp | null>>
  readonly shows?: (answer: Answer) => void
}

interface Tests {
  readonly effect: (name: string, test: () => Effect.Effect<void, unknown, Live>) => void
}

const agree = (value: string | undefined, wanted: string | RegExp | null, what: string) => {
  if (wanted === null) assert.isUndefined(value, what)
  else if (typeof wanted === "string") assert.strictEqual(value, wanted, what)
  else assert.match(value ?? "", wanted, what)
}

/** Every refusal is one sentence in JSON, unless it is the Store Instances Response. */
const refusal = ({ headers, text }: Answer) => {
  if (/^(application\/dicom\+(json|xml)|multipart\/related)/.test(headers["content-type"] ?? "")) return
  assert.match(headers["content-type"] ?? "", /^application\/json/, text.slice(0, 300))
  const { error } = JSON.parse(text) as { readonly error: unknown }
  assert.isString(error, text.slice(0, 300))
  assert.notMatch(String(error), /\bat .*\.[jt]s:\d|node_modules|undefined|\[object/)
}

export const satisfies = (answer: Answer, check: Omit<Check, "path">) => {
  const wanted = [check.status].flat()
  assert.include(wanted, answer.status, `${answer.status} instead of ${wanted}: ${answer.text.slice(0, 400)}`)
  if (check.type !== undefined) agree(answer.headers["content-type"], check.type, "Content-Type")
  for (const [name, value] of Object.entries(check.has ?? {})) agree(answer.headers[name.toLowerCase()], value, name)
  if (answer.status === 204 || answer.status === 304) assert.strictEqual(answer.body.length, 0)
  if (answer.status >= 400 && check.method !== "HEAD") refusal(answer)
  check.shows?.(answer)
}

/** Asks one check's question now. */
export const perform = (check: Check) =>
  Effect.gen(function* () {
    const { url } = yield* Live
    const path = check.path.startsWith("//") ? check.path.slice(1) : `/dicomweb${check.path}`
    const answer = yield* ask(url, path, check)
    satisfies(answer, check)
    return answer
  })

/** One test a check. */
export const checks = (it: Tests, list: ReadonlyArray<Check>) => {
  for (const check of list) it.effect(check.name, () => Effect.asVoid(perform(check)))
}

export type DicomJson = Readonly<
  Record<
    string,
    {
      readonly vr: string
      readonly Value?: ReadonlyArray<unknown>
      readonly BulkDataURI?: string
      readonly InlineBinary?: string
    }
  >
>

export const json = <A = ReadonlyArray<DicomJson>>({ text }: Answer): A => JSON.parse(text) as A

/** The first value of an attribute in each data set. */
export const values = (answer: Answer, tag: string): ReadonlyArray<unknown> =>
  json(answer).map((attributes) => attributes[tag]?.Value?.[0])

export const items = (attributes: DicomJson, tag: string) => (attributes[tag]?.Value ?? []) as ReadonlyArray<DicomJson>
