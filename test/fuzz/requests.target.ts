// Requests made up from what the grammars allow and from what they do not: search, retrieval, negotiation, addresses.
import * as fc from "fast-check"
import type { Live } from "./live.ts"
import { Wrong } from "./live.ts"
import { accept, frameList, odd, path, queryString, rangeHeader, rendering } from "./request-inputs.ts"
import { target } from "./target.ts"

/** Where something is stored: the fuzzer's own CT series, put there before. */
export interface Stored {
  readonly study: string
  readonly series: string
  readonly instance: string
}

/** Node refuses to send longer ones; what is longer is the hostile HTTP tests' business. */
const short = (path: string) => path.slice(0, 12_000)

const isJson = (body: Buffer) => {
  try {
    JSON.parse(body.toString())
    return true
  } catch {
    return false
  }
}

const levels = ["/studies", "/series", "/instances", "STUDY/series", "STUDY/instances", "SERIES/instances"]
const resources = ["", "/metadata", "/rendered", "/thumbnail", "/bulkdata", "/pixeldata"]

export const requestTargets = ({ study, series, instance }: Stored) => {
  const at = (level: string) =>
    `/dicomweb${level.replace("STUDY", `/studies/${study}`).replace("SERIES", `/studies/${study}/series/${series}`)}`
  const own = `/dicomweb/studies/${study}/series/${series}/instances/${instance}`
  const places = [`/dicomweb/studies/${study}`, `/dicomweb/studies/${study}/series/${series}`, own]
  return [
    target("search", 10, fc.tuple(fc.constantFrom(...levels), queryString), async ([level, query], live: Live) => {
      const answer = await live.judged({ path: short(`${at(level)}?${query}`) })
      if (answer.status === 200 && /json/.test(answer.headers["content-type"] ?? "") && !isJson(answer.body))
        throw new Wrong("no JSON")
    }),
    target(
      "accept",
      10,
      fc.tuple(fc.constantFrom(...places), fc.constantFrom(...resources), accept, fc.boolean()),
      async ([place, resource, header, inQuery], live: Live) => {
        const query = inQuery ? `?accept=${encodeURIComponent(header)}` : ""
        await live.judged({
          path: short(place + resource + query),
          ...(inQuery ? {} : { headers: { accept: header } }),
        })
      },
    ),
    target(
      "frames",
      4,
      fc.tuple(frameList, fc.constantFrom("", "/rendered", "/thumbnail"), accept),
      async ([list, more, header], live: Live) => {
        await live.judged({ path: short(`${own}/frames/${list}${more}`), headers: { accept: header } })
      },
    ),
    target(
      "rendering",
      6,
      fc.tuple(
        fc.constantFrom(...places, `${own}/frames/1`),
        rendering,
        fc.constantFrom("image/jpeg", "image/png", "*/*"),
      ),
      async ([place, query, header], live: Live) => {
        await live.judged({ path: short(`${place}/rendered?${query}`), headers: { accept: header } })
      },
    ),
    target(
      "range",
      2,
      fc.tuple(
        fc.constantFrom(
          ...places.flatMap((place) => [place, `${place}/bulkdata`, `${place}/pixeldata`, `${own}/bulkdata/7FE00010`]),
        ),
        rangeHeader,
        fc.option(odd),
      ),
      async ([place, header, match], live: Live) => {
        const more = match === null ? {} : { "if-none-match": match.replaceAll(/[^\x20-\x7e]/g, "").slice(0, 2000) }
        await live.judged({ path: place, headers: { range: header, ...more } })
      },
    ),
    target(
      "address",
      8,
      fc.tuple(fc.constantFrom("GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH"), path, fc.option(accept)),
      async ([method, address, header], live: Live) => {
        // The fuzzer's own series stays.
        if (method === "DELETE" && address.includes(study)) return
        await live.judged({ method, path: address, ...(header === null ? {} : { headers: { accept: header } }) })
      },
    ),
  ]
}
