// The tables of CONFORMANCE.md, each from the table that the code itself goes by.
import { readFileSync } from "node:fs"
import { auditMessage } from "../../src/access/audit-event.ts"
import { accessTable, rows } from "../../src/access/routes.ts"
import { apiDocument } from "../../src/api/document.ts"
import { tagKeyword } from "../../src/dicom/json-dictionary.ts"
import { fieldsOf } from "../../src/dicomweb/return-fields.ts"
import { Action } from "../../src/domain/caller.ts"
import { resourcesOf, type Operation } from "../../src/http/resources.ts"
import { FailureReason, WarningReason } from "../../src/listener/store-response.ts"
import { table } from "./generated-block.ts"

const types = (contents: ReadonlyArray<Operation["requestBody"]>) =>
  [...new Set(contents.flatMap((one) => Object.keys(one?.content ?? {})))].map((type) => `\`${type}\``).join(", ")

const sayTag = (tag: string) => `${tagKeyword(tag) ?? "?"} (${tag.slice(0, 4)},${tag.slice(4)})`

/** What a search answers unless more is asked for. */
const returned = () =>
  table(
    ["Level", "Always there, empty where not known", "Where known"],
    (["study", "series", "instance"] as const).map((level) => {
      const fields = [...fieldsOf(level, { study: true, series: true }, []).whole].toSorted(([a], [b]) =>
        a < b ? -1 : 1,
      )
      const said = (isRequired: boolean) =>
        fields
          .filter(([, vr]) => (vr !== undefined) === isRequired)
          .map(([tag]) => sayTag(tag))
          .join(", ")
      return [level, said(true), said(false)]
    }),
  )

const access = accessTable({})
/** The scope that a request needs. */
const scope = (method: string, path: string) => {
  const needs = access(method, path.replaceAll(/\{\w+\}/g, "1"))?.needs ?? ""
  return needs === "signed-in" ? "any" : needs
}

/** The DICOMweb resources; those that take and answer the same in one row. */
const services = () => {
  const order = ["capabilities", "stow", "qido", "wado", "delete", "ups"]
  const operations = resourcesOf(apiDocument)
    .filter(({ path }) => path.startsWith("/dicomweb"))
    .flatMap(({ path, methods }) =>
      [...methods].map(([method, operation]) => {
        const answers = Object.entries(operation.responses ?? {})
        const successes = answers.filter(([status]) => status.startsWith("2")).map(([, answer]) => answer)
        const rest = [
          scope(method, path),
          types([operation.requestBody]),
          types(successes),
          answers.map(([status]) => status).join(", "),
        ]
        const service = operation.tags?.[0] ?? ""
        return { service, resource: `\`${path.replace("/dicomweb", "") || "/"}\``, method, rest }
      }),
    )
    .toSorted((a, b) => order.indexOf(a.service) - order.indexOf(b.service))
  const alike = Map.groupBy(operations, ({ service, method, rest }) => JSON.stringify([service, method, rest]))
  return table(
    ["Service", "Method", "Resource", "Scope", "Takes", "Answers", "Status codes"],
    [...alike.values()].map((all) => {
      const { service, method, rest } = all[0]!
      return [service.toUpperCase(), method, all.map(({ resource }) => resource).join("<br>"), ...rest]
    }),
  )
}

const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, "0")
/** outOfResources → out of resources */
const words = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

const reasons = () =>
  table(
    ["Attribute", "Value", "Meaning"],
    [
      ...Object.entries(FailureReason).map(([name, value]) => ["FailureReason (0008,1197)", hex(value), words(name)]),
      ...Object.entries(WarningReason).map(([name, value]) => ["WarningReason (0008,1196)", hex(value), words(name)]),
    ],
  )

const actions = () =>
  table(
    ["Scope", "Addresses beside those of section 3"],
    Action.literals.map((action) => [
      `\`${action}\``,
      rows
        .filter(([, path, needs]) => needs === action && !path.startsWith("/dicomweb"))
        .map(([methods, path]) => `\`${[methods].flat().join(" ")} ${path}\``)
        .join(", "),
    ]),
  )

const audit = () =>
  table(
    ["Access", "EventID", "EventActionCode"],
    [...new Set([...rows.map(([, , , event]) => event), "sign-in" as const])].map((event) => {
      const said = auditMessage({ event, at: 0, status: 200, method: "", route: "", studies: [] })
      const { EventID, EventActionCode } = said.EventIdentification
      return [event.replaceAll("-", " "), `${EventID["csd-code"]} ${EventID.originalText}`, EventActionCode]
    }),
  )

/** Keys of the listener with their comment: what a network engineer sets. */
const configuration = () => {
  const yaml = readFileSync(new URL("../../gateway-config/gateway.yaml", import.meta.url), "utf8")
  const listener = /^listener:\n((?: .*\n|\n)*)/m.exec(yaml)?.[1] ?? ""
  let comment: Array<string> = []
  const found = listener.split("\n").flatMap((line) => {
    const said = /^ {2}# ?(.*)$/.exec(line)?.[1]
    if (said !== undefined) comment.push(said)
    const [, key, value = ""] = /^ {2}(\w+): ?(.*)$/.exec(line) ?? []
    if (key === undefined) return []
    const row = [`\`listener.${key}\``, value === "" ? "(a mapping)" : `\`${value}\``, comment.join(" ")]
    comment = []
    return [row]
  })
  return table(["Key", "Default", "Meaning"], found)
}

/** By the name that the page has for them. */
export const blocks: Readonly<Record<string, () => string>> = {
  services,
  reasons,
  returned,
  actions,
  audit,
  configuration,
}
