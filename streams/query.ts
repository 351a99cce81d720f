// Region queries over NATS: the same request and steps as POST /api/regions/search, streamed to the reply inbox.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { RegionSearch } from "../src/domain/region.ts"
import { subjects } from "../src/events/events.ts"
import { Nats } from "../src/events/Nats.ts"
import { RegionQuery } from "../src/query/RegionQuery.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(RegionSearch), { onExcessProperty: "error" })

export const query = Effect.gen(function* () {
  const nats = yield* Nats
  const regions = yield* RegionQuery
  yield* nats.respond(subjects.queryRegion, (payload) =>
    Stream.unwrap(Effect.map(decode(new TextDecoder().decode(payload)), regions.search)).pipe(
      Stream.map(({ _tag, answer }) => ({ type: _tag === "Candidates" ? "candidates" : "hits", ...answer })),
      Stream.map((step) => new TextEncoder().encode(JSON.stringify(step))),
    ),
  )
})
