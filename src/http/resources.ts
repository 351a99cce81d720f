// Which methods an address knows, read from the OpenAPI document, so that there is one list of the routes.

export interface Resource {
  /** As in the document: `/dicomweb/studies/{study}`. */
  readonly path: string
  /** Upper case, in the document's order. */
  readonly methods: ReadonlyMap<string, Operation>
}

export interface Operation {
  readonly operationId?: string
  readonly tags?: ReadonlyArray<string>
  readonly summary?: string
  readonly requestBody?: { readonly content?: Readonly<Record<string, unknown>> }
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

const methodNames = new Set(["get", "put", "post", "delete", "patch"])

export const resourcesOf = (document: {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}): ReadonlyArray<Resource> =>
  Object.entries(document.paths).map(([path, operations]) => ({
    path: path.length > 1 ? path.replace(/\/$/, "") : path,
    methods: new Map(
      Object.entries(operations)
        .filter(([name]) => methodNames.has(name))
        .map(([name, operation]) => [name.toUpperCase(), operation as Operation]),
    ),
  }))

const isVariable = (segment: string) => segment.startsWith("{")

/** Finds the resource of a canonical path; a fixed segment goes before a variable one. */
export const finder = (resources: ReadonlyArray<Resource>) => {
  const byLength = Map.groupBy(
    resources
      .map((resource) => ({ resource, segments: resource.path.split("/") }))
      .toSorted((a, b) => a.segments.filter(isVariable).length - b.segments.filter(isVariable).length),
    ({ segments }) => segments.length,
  )
  return (path: string): Resource | undefined => {
    const asked = path.split("/")
    return byLength
      .get(asked.length)
      ?.find(({ segments }) =>
        segments.every((segment, index) => (isVariable(segment) ? asked[index] !== "" : segment === asked[index])),
      )?.resource
  }
}

/** Value of an Allow header (RFC 9110 §10.2.1). Whatever can be got has a head. */
export const allowed = ({ methods }: Resource): string =>
  [...methods.keys()]
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .concat("OPTIONS")
    .join(", ")
