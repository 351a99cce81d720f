// A whole gateway in its own process that holds the conformance archive.
import { join } from "node:path"
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { archive } from "./archive.fixture.ts"
import { Live } from "./checks.fixture.ts"
import { ask, store } from "./client.fixture.ts"

/** `files` are stored first with `headers`, each study in a request of its own as senders do. */
export const live = (
  files: ReadonlyArray<{ readonly StudyInstanceUID: string; readonly bytes: Uint8Array }> = archive,
  environment: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
) =>
  Layer.effect(
    Live,
    Effect.gen(function* () {
      const { url } = yield* childGateway(join(yield* temporaryFolder, "data"), environment)
      for (const study of new Set(files.map(({ StudyInstanceUID }) => StudyInstanceUID))) {
        const own = files.filter(({ StudyInstanceUID }) => StudyInstanceUID === study)
        const question = store(...own.map(({ bytes }) => bytes))
        const answer = yield* ask(url, "/dicomweb/studies", {
          ...question,
          headers: { ...question.headers, ...headers },
        })
        assert.strictEqual(answer.status, 200, answer.text)
      }
      return { url }
    }),
  )
