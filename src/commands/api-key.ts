// `api-key`: makes a key for a machine; prints it once, and the lines that let it in.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { hashOf, newKey } from "../access/api-keys.ts"
import { KeyGrant } from "../config/access-settings.ts"

/** For people: such a key cannot be. */
class KeyError extends Schema.TaggedError<KeyError>()("KeyError", { message: Schema.String }) {}

const list = (text: string) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "")

export const apiKey = Command.make(
  "api-key",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Whose key: as the audit log names it")),
    actions: Flag.String("actions").pipe(
      Flag.withDescription("What it may: of read, store, delete, search, alerts, worklist, operate"),
      Flag.withDefault("read,store,search"),
    ),
    origins: Flag.String("origins").pipe(
      Flag.withDescription("Origins whose studies it sees: all, or names with commas between"),
      Flag.withDefault("all"),
    ),
  },
  Effect.fnUntraced(function* ({ name, actions, origins }) {
    const key = newKey()
    const grant = {
      name,
      sha256: hashOf(key),
      actions: list(actions),
      ...(origins === "all" ? {} : { origins: list(origins) }),
    }
    yield* Schema.decodeUnknownEffect(KeyGrant)(grant).pipe(
      Effect.mapError(({ message }) => new KeyError({ message: message.replaceAll(/\s*\n\s*/g, " ") })),
    )
    yield* Console.log(
      [
        `# The key, shown this once; clients send it as X-Api-Key, as Bearer token or as password: ${key}`,
        `access:`,
        `  keys:`,
        `    - name: ${JSON.stringify(name)}`,
        `      sha256: ${grant.sha256}`,
        `      actions: [${grant.actions.join(", ")}]`,
        ...(grant.origins === undefined ? [] : [`      origins: ${JSON.stringify(grant.origins)}`]),
      ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Make an API key: prints it once, and the lines for the configuration"))
