// The guarantee broken on purpose: each mutation takes one piece of it away in a copy of the sources, and the suite must notice.

export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Mutation {
  readonly name: string
  /** What it takes away. */
  readonly broken: string
  /** The shortest part of the suite that must notice. */
  readonly fault: string
  readonly edits: ReadonlyArray<Edit>
}

/** The second line of defence, which would mend what the mutation does. */
const withoutReconcile: Edit = {
  file: "streams/reconcile.ts",
  find: "  const verifier = yield* Verifier\n",
  replace: "  yield* Effect.never\n  const verifier = yield* Verifier\n",
}

export const mutations: ReadonlyArray<Mutation> = [
  {
    name: "answers before the ledger",
    broken: "a store request is answered before the ledger has committed",
    fault: "some-kills",
    edits: [
      // The bytes stay, so that only the rows are late.
      { file: "src/listener/store.ts", find: "Effect.ignore(removeUnlessNamed(committed))", replace: "Effect.void" },
      {
        file: "src/listener/store.ts",
        find: "  const acceptances = yield* expecting(group.map(({ instance }) => instance.StudyInstanceUID)).pipe(",
        replace: "  const late = expecting(group.map(({ instance }) => instance.StudyInstanceUID)).pipe(",
      },
      {
        file: "src/listener/store.ts",
        find: "    Effect.ensuring(Effect.forEach(group, ({ scope }) => Scope.close(scope, Exit.void), { discard: true })),\n    // A caller",
        replace: `    Effect.delay("300 millis"),
    Effect.ensuring(Effect.forEach(group, ({ scope }) => Scope.close(scope, Exit.void), { discard: true })),
    Effect.forkDetach,
  )
  const acceptances = yield* Effect.as(late, Array<Acceptance>()).pipe(
    // A caller`,
      },
    ],
  },
  {
    name: "acknowledges before the journal",
    broken:
      "an embedding is acknowledged, and told to the ledger, before the journal has it; nothing looks for it later",
    fault: "some-kills",
    edits: [
      {
        file: "streams/indexing.ts",
        find: "  const indexed = yield* index.add(current.flatMap(({ message }) => message.slices))\n",
        replace: `  const indexed = current.flatMap(({ message }) =>
    message.slices.map(({ instance }) => ({ instance, indexedFrames: message.slices.length })),
  )
`,
      },
      {
        file: "streams/indexing.ts",
        find: "  yield* Effect.forEach(messages, ({ delivery }) => delivery.ack, { discard: true })\n})",
        replace: `  yield* Effect.forEach(messages, ({ delivery }) => delivery.ack, { discard: true })
  yield* Effect.sleep("1500 millis")
  yield* index.add(current.flatMap(({ message }) => message.slices))
})`,
      },
      withoutReconcile,
    ],
  },
  {
    name: "no tombstones",
    broken:
      "a late embedding of a deleted instance is indexed: no look at the receipt, no tombstone (and embeddings wait a second and a half, so that many are late)",
    fault: "some-kills",
    edits: [
      withoutReconcile,
      { file: "streams/indexing.ts", find: 'wait: "20 millis"', replace: 'wait: "1500 millis"' },
      {
        file: "streams/indexing.ts",
        find: "message.slices[0] === undefined ? Effect.succeed(false) : ledger.isCurrent(message.slices[0].instance)",
        replace: "Effect.succeed(message.slices[0] !== undefined)",
      },
      {
        file: "streams/ingest.ts",
        find: "if (!(yield* ledger.isCurrent(instance))) return yield* delivery.ack",
        replace: "",
      },
      {
        file: "src/vector-index/journal.ts",
        find: `if (Number(tombstone.get(SOPInstanceUID)?.["receipt"] ?? -1) >= receipt) return`,
        replace: "",
      },
    ],
  },
  {
    name: "journal without idempotence",
    broken: "an embedding that is delivered twice is written twice (and acknowledged a second late, so that many are)",
    fault: "some-kills",
    edits: [
      {
        file: "streams/indexing.ts",
        find: "  yield* Effect.forEach(messages, ({ delivery }) => delivery.ack, { discard: true })\n",
        replace: `  yield* Effect.sleep("1 second")
  yield* Effect.forEach(messages, ({ delivery }) => delivery.ack, { discard: true })
`,
      },
      {
        file: "src/vector-index/journal-schema.ts",
        find: "header TEXT NOT NULL, UNIQUE (SOPInstanceUID, FrameNumber)",
        replace: "header TEXT NOT NULL",
      },
    ],
  },
  {
    name: "delete without the ledger",
    broken: "a delete takes the vectors away and is answered 204, and the rows stay",
    fault: "some-kills",
    edits: [
      {
        file: "src/deletion/erase.ts",
        find: "const deletion = yield* (yield* Ledger).delete(scope, cause)",
        replace:
          "void cause\n      const deletion = { instances: yield* (yield* Ledger).instances(scope), held: false }",
      },
    ],
  },
]
