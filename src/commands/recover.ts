// `recover`: makes a stopped gateway's data folder whole, looking at everything; every start does what is safe by itself.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { Recovery } from "../recovery/Recovery.ts"
import { storage } from "../recovery/storage.ts"
import { setMissingAside } from "../verify/repair.ts"

/** Every instance whose file is not there is set aside: counted, listed, and back when the same bytes are sent again. */
const setLostAside = Effect.gen(function* () {
  const ledger = yield* Ledger
  const blobs = yield* Blobs
  let lost = 0
  for (let page = yield* ledger.inventoryAfter("", 500); page.length > 0;) {
    for (const instance of page) {
      if ((yield* blobs.size(instance.digest)) !== undefined) continue
      yield* setMissingAside(instance)
      lost++
    }
    page = yield* ledger.inventoryAfter(page.at(-1)?.SOPInstanceUID ?? "", 500)
  }
  return lost
})

export const recover = Command.make(
  "recover",
  {
    data: Flag.String("data").pipe(Flag.withDescription("Data folder of a gateway that does not run")),
    withoutFiles: Flag.Boolean("without-files").pipe(
      Flag.withDescription("Go on although stored files are missing: their instances are set aside as lost"),
      Flag.withDefault(false),
    ),
  },
  ({ data, withoutFiles }) =>
    Effect.gen(function* () {
      const { report } = yield* Recovery
      const lost = withoutFiles ? yield* setLostAside : 0
      const { instances } = yield* (yield* Ledger).totals
      yield* Console.log(
        [
          `accepted again     ${report?.accepted ?? 0}`,
          `deleted again      ${report?.deletedAgain ?? 0}`,
          `unclear files      ${report?.unclear ?? 0}`,
          `lost               ${(report?.lost.length ?? 0) + lost}`,
          `instances          ${instances}`,
          "The folder is whole: start the gateway.",
        ].join("\n"),
      )
    }).pipe(Effect.provide(storage(data, { whole: true, withoutFiles }))),
).pipe(Command.withDescription("Make the data folder of a stopped gateway whole: databases, and every stored file"))
