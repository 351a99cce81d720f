// What a schema has against a request, as one sentence for people: each fault with the path of its key.
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** Faults that are told; a hostile request may have thousands. */
const maxTold = 5
/** A key may be as long as the request. */
const maxKey = 64

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()
const excess = "Expected no excess property"

const pathText = (path: ReadonlyArray<unknown>): string =>
  path
    .map((segment) => String(segment).slice(0, maxKey))
    .slice(0, 16)
    .join(".")

/**
 * A region is one of three forms, and each form that is not meant complains of the other's key: what lies deeper says
 * more, and the same is said once. `whole`: what is decoded, for faults without a path.
 */
export const decodeFailure = ({ issue }: Schema.SchemaError, whole = "the request"): string => {
  const { issues } = issuesOf(issue)
  const faults = issues.map(({ message, path = [] }) => ({ message, at: pathText(path) }))
  const explained = (at: string) =>
    faults.some((other) => other.at.startsWith(`${at}.`) || (other.at === at && other.message !== excess))
  const told = faults
    .filter(({ message, at }) => message !== excess || !explained(at))
    .map(({ message, at }) => {
      const said = message === excess ? "not allowed here" : message.charAt(0).toLowerCase() + message.slice(1)
      return `${at === "" ? whole : at}: ${said}`
    })
  return [...new Set(told)].slice(0, maxTold).join("; ")
}
