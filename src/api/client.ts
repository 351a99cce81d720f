// The typed client of a running gateway, made from the API definition.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { Api } from "./Api.ts"

/** Where `serve` listens unless told otherwise. */
export const defaultUrl = "http://127.0.0.1:8080"

/** For people: the gateway cannot be reached, or says no. */
export class ClientError extends Schema.TaggedError<ClientError>()("ClientError", { message: Schema.String }) {}

/** `headers`: those that sign in. */
export const apiClient = (baseUrl: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpApiClient.make(Api, {
    baseUrl,
    transformClient: HttpClient.mapRequest(HttpClientRequest.setHeaders(headers)),
  }).pipe(Effect.provide(FetchHttpClient.layer))

/** What the door says, which no route declares. */
const refusals: Readonly<Record<number, string>> = {
  401: "it asks for sign-in; give --api-key or --token that it knows",
  403: "this key or token may not do that",
  429: "too many requests; try again later",
}

/** Turns every failure of a request into one sentence. */
export const explain =
  (url: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, ClientError, R> =>
    Effect.mapError(effect, (error) => {
      const { error: said, reason } = error as {
        readonly error?: unknown
        readonly reason?: { readonly _tag?: string; readonly response?: { readonly status?: number } }
      }
      if (typeof said === "string") return new ClientError({ message: said })
      if (reason?._tag === "TransportError") return new ClientError({ message: `no gateway answers at ${url}` })
      return new ClientError({ message: `${url}: ${refusals[reason?.response?.status ?? 0] ?? String(error)}` })
    })
