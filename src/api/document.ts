// The OpenAPI document of the whole gateway: what /openapi.json answers, and the list of its addresses and methods.
import * as OpenApi from "effect/http-api/OpenApi"
import { Api } from "./Api.ts"

export const apiDocument = OpenApi.fromApi(Api)
