// What /openapi.json says beside the API's own definition: the routes that are not JSON, and the second forms of answers
// and requests that a schema cannot say.

type Json = { readonly [key: string]: unknown }

const failure = (description: string) => ({
  description,
  content: {
    "application/json": {
      schema: { type: "object", properties: { error: { type: "string" } }, required: ["error"] },
    },
  },
})

const failures = {
  400: "Malformed request",
  404: "Nothing under this address",
  406: "No acceptable representation",
  409: "Not in this state",
  410: "Deleted",
  408: "No bytes came for too long",
  413: "Too large",
  415: "Other media type",
  426: "Not a WebSocket",
  503: "Try again",
  507: "No room: the disk is full, or too much is unfinished",
} as const

const answers = (
  success: Readonly<Record<number, readonly [string, ...ReadonlyArray<string>]>>,
  ...codes: ReadonlyArray<keyof typeof failures>
): Json => ({
  ...Object.fromEntries(
    Object.entries(success).map(([status, [description, ...types]]) => [
      status,
      { description, ...(types.length === 0 ? {} : { content: Object.fromEntries(types.map((type) => [type, {}])) }) },
    ]),
  ),
  ...Object.fromEntries(codes.map((code) => [code, failure(failures[code])])),
})

const operation = (tag: string, path: string, method: string, summary: string, responses: Json, more: Json = {}) => {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }))
  const name = path.replaceAll(/[/{}.-]+(\w?)/g, (_, first: string) => first.toUpperCase())
  return {
    [path]: { [method]: { tags: [tag], operationId: `${method}${name}`, summary, parameters, responses, ...more } },
  }
}

const study = "/dicomweb/studies/{study}"
const series = `${study}/series/{series}`
const instance = `${series}/instances/{instance}`
const dicomJson = "application/dicom+json"
const dicomXml = "application/dicom+xml"
const dicom = "application/dicom"
const related = (type: string) => `multipart/related; type="${type}"`

const store = (path: string) =>
  operation(
    "stow",
    path,
    "post",
    "Store instances (PS3.18 §10.5)",
    answers(
      {
        200: ["All stored", dicomJson, dicomXml],
        202: ["Some stored", dicomJson, dicomXml],
        409: ["None stored", dicomJson, dicomXml],
      },
      ...([400, 406, 408, 413, 415, 503, 507] as const),
    ),
    {
      parameters: [
        ...(path.includes("{study}")
          ? [{ name: "study", in: "path", required: true, schema: { type: "string" } }]
          : []),
        {
          name: "Expect-Instances",
          in: "header",
          description:
            "How many distinct instances the study will have in all; it is ready as soon as they are there and searchable. Of several numbers the greatest counts; a request with several studies says nothing of any.",
          schema: { type: "integer", minimum: 1, maximum: 1_000_000 },
        },
      ],
      requestBody: {
        required: true,
        content: Object.fromEntries(
          [related(dicom), dicom, related(dicomJson), related(dicomXml)].map((type) => [type, {}]),
        ),
      },
    },
  )

const search = (path: string) =>
  operation(
    "qido",
    path,
    "get",
    "Search (PS3.18 §10.6)",
    answers({ 200: ["Matches", dicomJson, related(dicomXml)], 204: ["No match"] }, 400, 406, 413, 503),
  )

const retrieve = (path: string, summary: string, ...types: readonly [string, ...ReadonlyArray<string>]) =>
  operation(
    "wado",
    path,
    "get",
    summary,
    answers(
      { 200: ["Content", ...types], 206: ["What of it can be given, or the asked-for range"] },
      400,
      404,
      406,
      503,
    ),
  )

const remove = (path: string) =>
  operation("delete", path, "delete", "Delete for good", answers({ 204: ["Gone"] }, 400, 404, 503))

const pictures = ["image/jpeg", "image/png"] as const
const octets = "application/octet-stream"

const operational = [
  operation("health", "/openapi.json", "get", "This description", answers({ 200: ["OpenAPI", "application/json"] })),
  operation("health", "/health/live", "get", "The process runs", answers({ 200: ["Alive", "application/json"] })),
  operation(
    "health",
    "/health/ready",
    "get",
    "Ledger and broker answer",
    answers({ 200: ["Ready", "application/json"], 503: ["One of them does not", "application/json"] }),
  ),
  operation("metrics", "/metrics", "get", "Prometheus metrics", answers({ 200: ["Metrics", "text/plain"] }, 503)),
]

const dicomweb = [
  operation("capabilities", "/dicomweb", "get", "The services", answers({ 200: ["Services", "application/json"] })),
  store("/dicomweb/studies"),
  store(study),
  ...["/dicomweb/studies", "/dicomweb/series", "/dicomweb/instances"].map(search),
  ...[`${study}/series`, `${study}/instances`, `${series}/instances`].map(search),
  ...[study, series, instance].map((path) => retrieve(path, "Objects (PS3.18 §10.4)", related(dicom), dicom)),
  ...[study, series, instance].map((path) =>
    retrieve(`${path}/metadata`, "Attributes", dicomJson, related("application/dicom+xml")),
  ),
  ...[study, series, instance].map((path) => retrieve(`${path}/bulkdata`, "All bulk data", related(octets))),
  ...[study, series, instance].map((path) => retrieve(`${path}/pixeldata`, "All pixel data", related(octets))),
  retrieve(`${instance}/bulkdata/{element}`, "One bulk value", octets, related(octets)),
  retrieve(`${instance}/frames/{frames}`, "Frames, native or as stored", related(octets), octets),
  ...[study, series, instance, `${instance}/frames/{frames}`].flatMap((path) => [
    retrieve(`${path}/rendered`, "A picture", ...pictures),
    retrieve(`${path}/thumbnail`, "A small picture", ...pictures),
  ]),
  ...[study, series, instance].map(remove),
]

const workitem = "/dicomweb/workitems/{workitem}"
const subscriber = `${workitem}/subscribers/{subscriber}`
const dataSet = { requestBody: { required: true, content: { [dicomJson]: {}, [dicomXml]: {} } } }

/** UPS-RS (PS3.18 §11). */
const ups = (
  path: string,
  method: string,
  summary: string,
  success: Parameters<typeof answers>[0],
  codes: ReadonlyArray<keyof typeof failures>,
  more?: Json,
) => operation("ups", path, method, summary, answers(success, ...codes), more)

const changes = [400, 404, 408, 409, 410, 413, 415, 503] as const
const found = [400, 404, 410, 503] as const

const worklist = [
  ups(
    "/dicomweb/workitems",
    "post",
    "Create a work item; ?{uid} names it",
    { 201: ["Created"] },
    [400, 408, 409, 413, 415, 503, 507],
    dataSet,
  ),
  ups(
    "/dicomweb/workitems",
    "get",
    "Search work items",
    { 200: ["Matches", dicomJson, related(dicomXml)], 204: ["No match"] },
    [400, 406, 413, 503],
  ),
  ups(workitem, "get", "A work item", { 200: ["Work item", dicomJson, dicomXml] }, [400, 404, 406, 410, 503]),
  ups(workitem, "post", "Update; ?transaction-uid= once it is claimed", { 200: ["Updated"] }, changes, dataSet),
  ...[`${workitem}/state`, `${workitem}/state/{requester}`].map((path) =>
    ups(path, "put", "Claim, complete or cancel", { 200: ["Changed"] }, changes, dataSet),
  ),
  ...[`${workitem}/cancelrequest`, `${workitem}/cancelrequest/{requester}`].map((path) =>
    ups(path, "post", "Ask for cancellation", { 202: ["Asked, or canceled where nobody had claimed it"] }, changes),
  ),
  ups(subscriber, "post", "Subscribe to one work item, or to all by a well-known UID", { 201: ["Subscribed"] }, found),
  ups(subscriber, "delete", "Unsubscribe", { 200: ["Unsubscribed"] }, found),
  ups(`${subscriber}/suspend`, "post", "Do not subscribe to new work items any more", { 200: ["Suspended"] }, found),
  ...["/dicomweb/subscribers", "/dicomweb/ws/subscribers", "/ws/subscribers"].map((path) =>
    ups(`${path}/{subscriber}`, "get", "Event reports over WebSocket", { 101: ["Events follow"] }, [400, 426, 503]),
  ),
]

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
}

interface Operation {
  readonly requestBody: { readonly content: Json }
  readonly responses: { readonly 200: { readonly content: Json } }
}

const text = { schema: { type: "string" } }

/** Where sign-in is on, one of these is needed for all but /health. */
const securitySchemes = {
  apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
  bearer: { type: "http", scheme: "bearer", description: "An OAuth2/OIDC token, or an API key" },
  basic: { type: "http", scheme: "basic", description: "Any user; the password is an API key" },
}

/** Adds to the document that the API definition gives. */
export const withOtherRoutes = (document: Record<string, unknown>): Record<string, unknown> => {
  const paths: Record<string, Record<string, unknown>> = { ...(document as unknown as Document).paths }
  for (const one of [...dicomweb, ...worklist, ...operational]) {
    for (const [path, operations] of Object.entries(one)) paths[path] = { ...paths[path], ...operations }
  }
  const searchPath = "/api/regions/search"
  const search = paths[searchPath]?.["post"] as Operation
  paths[searchPath] = {
    post: {
      ...search,
      requestBody: {
        ...search.requestBody,
        content: { ...search.requestBody.content, [related("application/json")]: text },
      },
      responses: {
        ...search.responses,
        200: {
          ...search.responses[200],
          content: { ...search.responses[200].content, "application/x-ndjson": text },
        },
      },
    },
  }
  const streamPath = "/api/alerts/stream"
  const stream = paths[streamPath]?.["get"] as Operation
  paths[streamPath] = {
    get: {
      ...stream,
      parameters: [{ name: "Last-Event-ID", in: "header", required: false, schema: { type: "string" } }],
      responses: {
        ...stream.responses,
        200: { description: "Alerts as they are raised", content: { "text/event-stream": text } },
      },
    },
  }
  const components = { ...(document["components"] as Json | undefined), securitySchemes }
  return { ...document, paths, components, security: Object.keys(securitySchemes).map((name) => ({ [name]: [] })) }
}
