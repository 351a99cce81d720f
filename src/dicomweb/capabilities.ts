// Retrieve Capabilities (PS3.18 §8.9, Annex H): what the service does, as WADL or, for people and scripts, as JSON.
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { matches, parseAccept } from "../dicom/media-type.ts"
import { serviceUrl } from "../dicom/web-links.ts"

type Content = Readonly<Record<string, unknown>>

/** One address and its operations, in the words of OpenAPI. */
export interface DescribedResource {
  readonly path: string
  readonly methods: ReadonlyMap<
    string,
    {
      readonly operationId?: string
      readonly tags?: ReadonlyArray<string>
      readonly summary?: string
      readonly requestBody?: { readonly content?: Content }
      readonly responses?: Readonly<Record<string, { readonly content?: Content }>>
    }
  >
}

const root = "/dicomweb"
const wadl = "application/vnd.sun.wadl+xml"
const jsonTypes = ["application/dicom+json", "application/json"]

/** Query parameters that a search takes beside the attributes to match (PS3.18 §8.3.4). */
const searchParameters = ["includefield", "fuzzymatching", "emptyvaluematching", "limit", "offset", "accept"]

const below = (resources: ReadonlyArray<DescribedResource>, path: string) =>
  resources.filter((resource) => resource.path === path || resource.path.startsWith(`${path}/`))

const typesOf = (content: Content | undefined) => Object.keys(content ?? {})

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const element = (name: string, attributes: Readonly<Record<string, string>>, children: ReadonlyArray<string>) => {
  const head = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`)
  return children.length === 0
    ? `<${name}${head.join("")}/>`
    : `<${name}${head.join("")}>${children.join("")}</${name}>`
}

const representations = (types: ReadonlyArray<string>) =>
  types.map((mediaType) => element("representation", { mediaType }, []))

const methodElement = ([name, operation]: readonly [string, MapValue]) => {
  const answers = Object.entries(operation.responses ?? {})
  const accepted = answers.filter(([status]) => status.startsWith("2")).flatMap(([, { content }]) => typesOf(content))
  const accept = [...new Set(accepted)].map((value) => element("option", { value }, []))
  const query = operation.tags?.includes("qido") === true ? searchParameters : []
  const request = [
    ...(accept.length === 0 ? [] : [element("param", { name: "Accept", style: "header" }, accept)]),
    ...query.map((parameter) => element("param", { name: parameter, style: "query" }, [])),
    ...representations(typesOf(operation.requestBody?.content)),
  ]
  return element("method", { name, ...(operation.operationId === undefined ? {} : { id: operation.operationId }) }, [
    ...(operation.summary === undefined ? [] : [element("doc", { title: operation.summary }, [])]),
    ...(request.length === 0 ? [] : [element("request", {}, request)]),
    ...answers.map(([status, { content }]) => element("response", { status }, representations(typesOf(content)))),
  ])
}
type MapValue = DescribedResource["methods"] extends ReadonlyMap<string, infer A> ? A : never

/** The tree below an address: each segment is a resource element in that of the segment before. */
const tree = (resources: ReadonlyArray<DescribedResource>, prefix: string): ReadonlyArray<string> => {
  const deeper = resources.filter(({ path }) => path.startsWith(`${prefix}/`))
  const next = Map.groupBy(deeper, ({ path }) => path.slice(prefix.length + 1).split("/", 1)[0]!)
  return [...next].map(([segment, inside]) => {
    const here = inside.find(({ path }) => path === `${prefix}/${segment}`)
    return element("resource", { path: segment }, [
      ...[...(here?.methods ?? [])].map(methodElement),
      ...tree(inside, `${prefix}/${segment}`),
    ])
  })
}

const document = (resources: ReadonlyArray<DescribedResource>, base: string) =>
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  element("application", { xmlns: "http://wadl.dev.java.net/2009/02" }, [
    element("resources", { base }, tree(resources, root)),
  ])

const json = (resources: ReadonlyArray<DescribedResource>, base: string) => ({
  base,
  resources: resources.map(({ path, methods }) => ({
    path: path.slice(root.length) || "/",
    methods: [...methods].map(([name, { operationId, summary, requestBody, responses }]) => ({
      name,
      id: operationId,
      summary,
      takes: typesOf(requestBody?.content),
      answers: Object.fromEntries(
        Object.entries(responses ?? {}).map(([status, { content }]) => [status, typesOf(content)]),
      ),
    })),
  })),
})

/** The answer to OPTIONS on a DICOMweb address: the description of that resource and of those below it. */
export const capabilities =
  (resources: ReadonlyArray<DescribedResource>, publicUrl?: string) =>
  (resource: DescribedResource, request: HttpServerRequest.HttpServerRequest) => {
    if (resource.path !== root && !resource.path.startsWith(`${root}/`)) return undefined
    const base = serviceUrl(publicUrl, request.headers)
    const described = below(resources, resource.path)
    const ranges = parseAccept(request.headers["accept"])
    for (const { type } of ranges) {
      const asked = [wadl, "application/xml", "text/xml", ...jsonTypes].find((offered) => matches(type, offered))
      if (asked === undefined) continue
      return jsonTypes.includes(asked)
        ? HttpServerResponse.text(JSON.stringify(json(described, base)), { contentType: asked })
        : HttpServerResponse.text(document(described, base), { contentType: asked })
    }
    return HttpServerResponse.jsonUnsafe({ error: `available: ${wadl}, ${jsonTypes.join(", ")}` }, { status: 406 })
  }

/** GET of the service's root: for whoever opens it in a browser. */
export const ServiceDescription = (resources: ReadonlyArray<DescribedResource>, publicUrl?: string) =>
  HttpRouter.add(
    "GET",
    root,
    Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
      const services = Map.groupBy(
        below(resources, root).flatMap(({ path, methods }) =>
          [...methods].map(([method, { tags = [] }]) => ({ service: tags[0] ?? "other", method, path })),
        ),
        ({ service }) => service,
      )
      return HttpServerResponse.jsonUnsafe({
        name: "region gateway",
        base: serviceUrl(publicUrl, request.headers),
        capabilities: `OPTIONS ${root}`,
        services: Object.fromEntries(
          [...services].map(([service, all]) => [service, all.map(({ method, path }) => `${method} ${path}`)]),
        ),
      })
    }),
  )
