// Static API keys: made once, kept as a hash, looked up in microseconds.
import { hash, randomBytes, timingSafeEqual } from "node:crypto"
import type { KeyGrant } from "../config/access-settings.ts"
import type { Caller } from "../domain/caller.ts"
import { callerOf } from "./grants.ts"

/** Recognisable in a leaked file; the rest is 256 random bits, which no salt or slow hash would make harder to guess. */
export const newKey = (): string => `rgk_${randomBytes(32).toString("base64url")}`

export const hashOf = (secret: string): string => hash("sha256", secret, "hex")

/** The caller of a key, by its hash. */
export const makeApiKeys = (grants: ReadonlyArray<KeyGrant>) => {
  const known = new Map(
    grants.map((grant) => [grant.sha256, { caller: callerOf(grant, "key"), bytes: Buffer.from(grant.sha256, "hex") }]),
  )
  return (sha256: string): Caller | undefined => {
    // Finding by hash tells nobody a key: the hash cannot be steered. The comparison in constant time closes the rest.
    const found = known.get(sha256)
    return found !== undefined && timingSafeEqual(found.bytes, Buffer.from(sha256, "hex")) ? found.caller : undefined
  }
}
