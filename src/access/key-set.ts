// The issuer's public keys (JWKS), from an address or a file, kept fresh without being asked too often.
import { readFile, stat } from "node:fs/promises"
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose"

/** The keys cannot be had: nobody can tell whether a token is good. */
export class KeySetAway extends Error {
  override readonly name = "KeySetAway"
}

const fetchMillis = 5000
/** After a failure the issuer is left alone so long; tokens that need it are answered at once meanwhile. */
const pauseMillis = 2000
/** A file is looked at so often. */
const lookMillis = 1000

/** What is wrong with the token, not with the keys. */
const ofTheToken = (error: unknown) =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported

const orAway =
  (getKey: JWTVerifyGetKey): JWTVerifyGetKey =>
  async (...request) => {
    try {
      return await getKey(...request)
    } catch (error) {
      if (ofTheToken(error)) throw error
      throw new KeySetAway("the keys of the issuer cannot be had", { cause: error })
    }
  }

const ofAddress = (address: string): JWTVerifyGetKey => {
  let pausedUntil = 0
  const asked: typeof fetch = async (...request) => {
    if (performance.now() < pausedUntil) throw new KeySetAway("the issuer did not answer a moment ago")
    try {
      const response = await fetch(...request)
      if (response.status !== 200) throw new KeySetAway(`the issuer answered ${response.status}`)
      return response
    } catch (error) {
      pausedUntil = performance.now() + pauseMillis
      throw error
    }
  }
  return createRemoteJWKSet(new URL(address), { timeoutDuration: fetchMillis, [customFetch]: asked })
}

const ofFile = (path: string): JWTVerifyGetKey => {
  let keys: JWTVerifyGetKey | undefined
  let [seen, lookAt] = ["", 0]
  const current = async () => {
    if (keys !== undefined && performance.now() < lookAt) return keys
    const { mtimeMs, size, ino } = await stat(path)
    const state = `${mtimeMs} ${size} ${ino}`
    if (keys === undefined || state !== seen) {
      keys = createLocalJWKSet(JSON.parse(await readFile(path, "utf8")))
      seen = state
    }
    lookAt = performance.now() + lookMillis
    return keys
  }
  return async (...request) => (await current())(...request)
}

export const keySet = (source: string): JWTVerifyGetKey =>
  orAway(/^https?:/i.test(source) ? ofAddress(source) : ofFile(source))
