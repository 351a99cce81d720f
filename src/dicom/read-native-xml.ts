// A document of the Native DICOM Model (PS3.19 §A.1) as an attribute map, while it arrives. Strict: no DTD, so no entities
// but XML's own; nothing but what the model has; nesting bounded.
import { SaxesParser } from "saxes"
import type { DicomJson } from "../domain/instance.ts"
import { DataSetError } from "./data-set-error.ts"

/** Attribute, item: two elements a level, and a few within. */
const maxDepth = 72
/** Writers leave out empty values, and may number on behind them; a long gap would cost more than it says. */
const maxGap = 16

interface Attribute {
  readonly tag: string
  readonly vr: string
  readonly creator: string | undefined
  readonly values: Array<unknown>
  bulk?: string
  inline?: string
}

interface Open {
  readonly name: string
  readonly number: number
  /** Of NativeDicomModel and Item. */
  readonly attributes?: Array<Attribute>
  /** Of DicomAttribute. */
  readonly attribute?: Attribute
  /** Of PersonName and its groups: what stands in them, by name. */
  readonly parts?: Map<string, string>
  text: string
}

const groups = ["Alphabetic", "Ideographic", "Phonetic"]
const components = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"]
const children: Readonly<Record<string, ReadonlyArray<string> | undefined>> = {
  "": ["NativeDicomModel"],
  NativeDicomModel: ["DicomAttribute"],
  Item: ["DicomAttribute"],
  DicomAttribute: ["Value", "PersonName", "Item", "BulkData", "InlineBinary"],
  PersonName: groups,
  ...Object.fromEntries(groups.map((group) => [group, components])),
}
const textual = new Set(["Value", "InlineBinary", ...components])

const isPrivate = (tag: string): boolean => (Number.parseInt(tag.slice(0, 4), 16) & 1) === 1

/** Private elements name their creator instead of their block (PS3.19 §A.1.2): each creator gets one (PS3.5 §7.8.1). */
const placed = (attributes: ReadonlyArray<Attribute>): DicomJson => {
  const map: Record<string, DicomJson[string]> = {}
  const creators = new Map<string, string>()
  const put = (tag: string, attribute: DicomJson[string]) => {
    if (map[tag] !== undefined) throw new DataSetError(`${tag} is there twice`)
    map[tag] = attribute
  }
  const homeless = ({ tag, creator }: Attribute) => creator !== undefined && isPrivate(tag) && tag.slice(4, 6) === "00"
  const taken = new Set(attributes.filter((each) => !homeless(each)).map(({ tag }) => tag.slice(0, 6)))
  const free = (group: string): string => {
    for (let block = 0x10; block <= 0xff; block++) {
      const hex = block.toString(16).toUpperCase()
      if (!taken.has(group + hex) && map[`${group}00${hex}`] === undefined) return hex
    }
    throw new DataSetError(`group ${group} has no block left`)
  }
  for (const each of attributes.toSorted((a, b) => Number(homeless(a)) - Number(homeless(b)))) {
    const { tag, vr, creator, values, bulk, inline } = each
    const group = tag.slice(0, 4)
    const content = {
      vr,
      ...(values.length === 0 ? {} : { Value: Array.from(values, (value) => value ?? null) }),
      ...(bulk === undefined ? {} : { BulkDataURI: bulk }),
      ...(inline === undefined ? {} : { InlineBinary: inline }),
    }
    if (creator === undefined || !isPrivate(tag)) {
      put(tag, content)
      const [value] = values
      if (isPrivate(tag) && tag.slice(4, 6) === "00" && typeof value === "string")
        creators.set(group + value, tag.slice(6))
      continue
    }
    const block = homeless(each) ? (creators.get(group + creator) ?? free(group)) : tag.slice(4, 6)
    creators.set(group + creator, block)
    map[`${group}00${block}`] ??= { vr: "LO", Value: [creator] }
    put(group + block + tag.slice(6), content)
  }
  return map
}

const nameOf = (parts: ReadonlyMap<string, string>): string =>
  components
    .map((component) => parts.get(component) ?? "")
    .join("^")
    .replace(/\^+$/, "")

export interface NativeXmlReader {
  readonly write: (text: string) => void
  /** The document is over. */
  readonly close: () => DicomJson
}

/** Both functions throw DataSetError. */
export const nativeXmlReader = (): NativeXmlReader => {
  const parser = new SaxesParser({ xmlns: true, position: false })
  const stack: Array<Open> = []
  let result: DicomJson | undefined

  const refuse = (): never => {
    throw new DataSetError("the metadata is no Native DICOM Model")
  }
  parser.on("error", () => refuse())
  parser.on("doctype", () => {
    throw new DataSetError("the XML has a document type declaration")
  })
  parser.on("xmldecl", ({ encoding }) => {
    if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) throw new DataSetError("the XML is not in UTF-8")
  })
  parser.on("opentag", ({ local: name, attributes }) => {
    const parent = stack.at(-1)
    const said = (key: string) => attributes[key]?.value
    if (children[parent?.name ?? ""]?.includes(name) !== true) refuse()
    if (stack.length >= maxDepth) throw new DataSetError(`the XML is nested more than ${maxDepth} deep`)
    const number = Number(said("number") ?? 1)
    if (!Number.isInteger(number) || number < 1 || number > (parent?.attribute?.values.length ?? 0) + maxGap) refuse()
    const open = { name, number, text: "" }
    if (name === "NativeDicomModel" || name === "Item") stack.push({ ...open, attributes: [] })
    else if (name === "DicomAttribute") {
      const tag = said("tag")?.toUpperCase() ?? ""
      if (!/^[0-9A-F]{8}$/.test(tag)) throw new DataSetError("an attribute has no tag")
      stack.push({ ...open, attribute: { tag, vr: said("vr") ?? "", creator: said("privateCreator"), values: [] } })
    } else if (name === "PersonName" || groups.includes(name)) stack.push({ ...open, parts: new Map() })
    else {
      if (name === "BulkData" && parent?.attribute !== undefined)
        parent.attribute.bulk = said("uri") ?? said("uuid") ?? refuse()
      stack.push(open)
    }
  })
  const text = (piece: string) => {
    const open = stack.at(-1)
    if (open !== undefined && textual.has(open.name)) open.text += piece
    else if (piece.trim() !== "") refuse()
  }
  parser.on("text", text)
  parser.on("cdata", text)
  parser.on("closetag", () => {
    const closed = stack.pop()
    const parent = stack.at(-1)
    if (closed === undefined) return
    if (parent === undefined) result = placed(closed.attributes ?? [])
    else if (closed.attribute !== undefined) parent.attributes?.push(closed.attribute)
    else if (groups.includes(closed.name)) parent.parts?.set(closed.name, nameOf(closed.parts ?? new Map()))
    else if (components.includes(closed.name)) parent.parts?.set(closed.name, closed.text)
    else if (parent.attribute !== undefined) {
      if (closed.name === "InlineBinary") parent.attribute.inline = closed.text
      else if (closed.name !== "BulkData") {
        parent.attribute.values[closed.number - 1] =
          closed.name === "Value"
            ? closed.text || null
            : closed.name === "Item"
              ? placed(closed.attributes ?? [])
              : Object.fromEntries(closed.parts ?? [])
      }
    }
  })

  const guarded = (work: () => void) => {
    try {
      work()
    } catch (thrown) {
      if (thrown instanceof DataSetError) throw thrown
      refuse()
    }
  }
  return {
    write: (piece) => guarded(() => void parser.write(piece)),
    close: () => {
      guarded(() => void parser.close())
      return result ?? refuse()
    },
  }
}
