// Ledger, blobs and worklist of a data folder as one layer: locked, made whole, and only then there for others.
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AuditedLedger from "../access/audited-ledger.ts"
import { lockDataFolder } from "../ledger/data-folder.ts"
import * as FileBlobs from "../ledger/file-blobs.ts"
import * as LoggedLedger from "../ledger/logged-ledger.ts"
import * as SqliteLedger from "../ledger/sqlite-ledger.ts"
import * as SqliteWorklist from "../worklist/sqlite-worklist.ts"
import { copyOlder, noteFormat, refuseNewer } from "./data-format.ts"
import { attempt, Recovery, type RecoveryOptions, restoreFiles } from "./Recovery.ts"
import { pathsOf } from "./restore.ts"

/** As every start does it. */
const asFound: RecoveryOptions = { whole: false, withoutFiles: false }

export const storage = (data: string, options = asFound) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const paths = pathsOf(data)
      yield* attempt(data, () => refuseNewer(paths))
      yield* lockDataFolder(data)
      const files = yield* restoreFiles(data, options)
      for (const migration of yield* attempt(data, () => copyOlder(paths)))
        yield* Effect.logWarning("migrating the data folder", { migration })
      const ledger = AuditedLedger.layer.pipe(
        Layer.provide(LoggedLedger.layer),
        Layer.provideMerge(SqliteLedger.layer({ dir: join(data, "ledger") })),
        Layer.provideMerge(LoggedLedger.ReceiptLog.layer({ dir: files.paths.backup })),
      )
      const whole = Recovery.layer(files).pipe(
        Layer.provideMerge(
          Layer.merge(
            ledger,
            FileBlobs.layer({
              dir: data,
              alongside: ["ledger", "index", "nats", "worklist", "audit"].map((name) => join(data, name)),
            }),
          ),
        ),
      )
      const migrated = Layer.effectDiscard(attempt(data, () => noteFormat(data)))
      return migrated.pipe(
        Layer.provideMerge(SqliteWorklist.layer({ dir: join(data, "worklist") })),
        Layer.provideMerge(whole),
      )
    }),
  )
