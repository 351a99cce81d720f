// Who a request comes from: by API key, token or client certificate; anybody where there is no sign-in.
import type { IncomingMessage } from "node:http"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type AccessSettings, signInIsOn } from "../config/access-settings.ts"
import { allActions, type Caller } from "../domain/caller.ts"
import { hashOf, makeApiKeys } from "./api-keys.ts"
import { makeCertificates } from "./certificates.ts"
import { secretOf } from "./credentials.ts"
import { looksLikeToken, makeTokens, TokenError } from "./tokens.ts"

export class SignInError extends Schema.TaggedError<SignInError>()("SignInError", {
  /** `missing`: nothing was shown; `refused`: it is not good; `away`: nobody can tell now. */
  reason: Schema.Literals(["missing", "refused", "away"]),
  /** For people; nothing of what was sent. */
  message: Schema.String,
}) {}

/** Where there is no sign-in. */
export const anybody: Caller = { name: "anybody", actions: allActions, origins: "all", origin: "" }

export interface Shown {
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Left out where there is no connection to look at, as over NATS. */
  readonly connection?: Pick<IncomingMessage, "socket"> | undefined
}

export class SignIn extends Context.Service<
  SignIn,
  {
    readonly isOn: boolean
    /** Clients without another way ask for Basic credentials only when they are told. */
    readonly takesKeys: boolean
    readonly caller: (shown: Shown) => Effect.Effect<Caller, SignInError>
  }
>()("gateway/access/SignIn") {
  static readonly layer = (settings: AccessSettings) => Layer.succeed(SignIn, make(settings))
}

/** Tokens that were checked, by their hash; each is checked again after a minute, so that a withdrawn key counts. */
const checkedTokens = 10_000
const recheckSeconds = 60

const refused = (message: string) => new SignInError({ reason: "refused", message })

const make = (settings: AccessSettings): SignIn["Service"] => {
  if (!signInIsOn(settings)) return { isOn: false, takesKeys: false, caller: () => Effect.succeed(anybody) }
  const byKey = makeApiKeys(settings.keys)
  const byCertificate = makeCertificates(settings.certificates)
  const check = settings.tokens.issuer === "" ? undefined : makeTokens(settings.tokens)
  const checked = new Map<string, { readonly caller: Caller; readonly until: number }>()

  const bySecret = Effect.fnUntraced(function* (secret: string) {
    const sha256 = hashOf(secret)
    // No secret at all is nobody's, also where a grant was made from an empty variable.
    const holder = secret === "" ? undefined : byKey(sha256)
    if (holder !== undefined) return holder
    if (check === undefined || !looksLikeToken(secret)) return yield* refused("the key or token is not known")
    const now = (yield* Clock.currentTimeMillis) / 1000
    const known = checked.get(sha256)
    if (known !== undefined && known.until > now) return known.caller
    checked.delete(sha256)
    const caller = yield* check(secret).pipe(
      Effect.mapError(({ reason, message }: TokenError) => new SignInError({ reason, message })),
    )
    if (checked.size >= checkedTokens) checked.delete(checked.keys().next().value ?? "")
    checked.set(sha256, { caller, until: Math.min(caller.until, now + recheckSeconds) })
    return caller
  })

  return {
    isOn: true,
    takesKeys: settings.keys.length > 0,
    caller: ({ headers, connection }) => {
      const secret = secretOf(headers)
      if (secret !== undefined) return bySecret(secret)
      const caller = connection === undefined ? undefined : byCertificate(connection)
      return caller === undefined
        ? Effect.fail(new SignInError({ reason: "missing", message: "sign in with an API key or a bearer token" }))
        : Effect.succeed(caller)
    },
  }
}
