// Merging of configuration sources, and the names of environment variables.
import * as Yaml from "effect/encoding/Yaml"

export interface Tree {
  readonly [key: string]: unknown
}

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value)

/** Mappings are merged key by key, everything else is replaced. */
export const merge = (base: Tree, over: Tree): Tree =>
  Object.entries(over).reduce<Tree>((merged, [key, value]) => {
    const before = merged[key]
    return { ...merged, [key]: isTree(before) && isTree(value) ? merge(before, value) : value }
  }, base)

/** listener.maxPartBytes → GATEWAY_LISTENER_MAX_PART_BYTES */
export const variableName = (path: ReadonlyArray<string>): string =>
  ["gateway", ...path].map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join("_")

const leaves = (tree: Tree, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> =>
  Object.entries(tree).flatMap(([key, value]) => (isTree(value) ? leaves(value, [...path, key]) : [[...path, key]]))

/** A sentence per key that the defaults do not know, with the keys that its place takes. */
export const unknownKeys = (defaults: Tree, given: Tree, path: ReadonlyArray<string> = []): ReadonlyArray<string> =>
  Object.entries(given).flatMap(([key, value]) => {
    const known = defaults[key]
    const here = [...path, key]
    if (known === undefined) {
      return [
        `${here.join(".")}: unknown key; ${path.join(".") || "the file"} takes ${Object.keys(defaults).join(", ")}`,
      ]
    }
    return isTree(known) && isTree(value) ? unknownKeys(known, value, here) : []
  })

const valueAt = (tree: Tree, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((node, key) => (isTree(node) ? node[key] : undefined), tree)

/** A text key takes the variable as it is written; any other is read as YAML, so `9000`, `true` and `[a, b]` mean what they say. */
const read = (text: string, fallback: unknown): unknown => {
  if (typeof fallback === "string") return text
  try {
    return Yaml.parse(text)
  } catch {
    return text
  }
}

/** The GATEWAY_ variables as a tree of overrides, and those that name no key. */
export const overridesFromEnvironment = (
  defaults: Tree,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly overrides: Tree; readonly unknown: ReadonlyArray<string> } => {
  const paths = new Map(leaves(defaults).map((path) => [variableName(path), path]))
  const given = Object.entries(environment).filter(([name]) => name.startsWith("GATEWAY_"))
  return {
    unknown: given.map(([name]) => name).filter((name) => !paths.has(name)),
    overrides: given.reduce<Tree>((overrides, [name, text]) => {
      const path = paths.get(name)
      if (path === undefined || text === undefined) return overrides
      const leaf = read(text, valueAt(defaults, path))
      return merge(overrides, path.reduceRight<unknown>((value, key) => ({ [key]: value }), leaf) as Tree)
    }, {}),
  }
}
