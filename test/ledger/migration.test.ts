// A ledger of the first release: its columns are made anew from the stored attributes, and searches find what it holds.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { openDatabase } from "../../src/ledger/open-database.ts"
import { migrations } from "../../src/ledger/schema.ts"
import { layer } from "../../src/ledger/sqlite-ledger.ts"
import { valueTests } from "../../src/ledger/value-test.ts"

const attributes = JSON.stringify({
  "00080020": { vr: "DA", Value: ["2024.01.05"] },
  "00080060": { vr: "CS", Value: ["CT"] },
  "00100010": { vr: "PN", Value: [{ Alphabetic: "Müller^Max^^", Ideographic: "山田" }] },
  "00101001": { vr: "PN", Value: [{ Alphabetic: "Other" }] },
  "00200013": { vr: "IS", Value: [3] },
})

it.effect("a ledger of the first release is searched like a new one", () =>
  Effect.gen(function* () {
    const dir = mkdtempSync(join(tmpdir(), "ledger-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true })))
    const old = openDatabase(join(dir, "ledger.db"), migrations.slice(0, 1))
    old.exec(`
      INSERT INTO study (StudyInstanceUID, StudyDate, PatientName, patient, attributes, lastReceived)
        VALUES ('1.1', '2024.01.05', 'Müller^Max^^', '', '{}', 0);
      INSERT INTO series (SeriesInstanceUID, StudyInstanceUID, Modality, attributes) VALUES ('1.1.1', '1.1', 'CT', '{}');`)
    old
      .prepare(
        `INSERT INTO instance (SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, SOPClassUID, TransferSyntaxUID,
          InstanceNumber, digest, bytes, attributes, stageSince) VALUES ('1.1.1.1', '1.1.1', '1.1', '1.2', '1.2', '03', 'd', 1, ?, 0)`,
      )
      .run(attributes)
    old.close()
    const keys = [
      { tag: "00080020", vr: "DA", text: "20240101-20240131" },
      { tag: "00100010", vr: "PN", text: "müller^max" },
      { tag: "00100010", vr: "PN", text: "山*" },
      { tag: "00101001", vr: "PN", text: "other" },
      { tag: "00200013", vr: "IS", text: "3" },
      { tag: "00080060", vr: "CS", text: "CT" },
    ].map(({ tag, vr, text }) => ({ tag, vr, tests: valueTests(vr, text, false) ?? [] }))
    const found = yield* Effect.forEach(keys, (key) =>
      Effect.flatMap(Ledger, (ledger) => ledger.search({ level: "study", match: [key], limit: 1, offset: 0 })),
    ).pipe(Effect.provide(layer({ dir })))
    assert.deepStrictEqual(
      found.map(({ matches }) => matches.length),
      keys.map(() => 1),
    )
  }).pipe(Effect.scoped),
)
