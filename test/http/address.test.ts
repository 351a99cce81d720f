// Canonical addresses: what means the same is spelled the same, what hides something is refused.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { canonicalAddress } from "../../src/http/address.ts"

describe("canonicalAddress", () => {
  it.each([
    ["/dicomweb/studies", "/dicomweb/studies"],
    ["/dicomweb/studies/", "/dicomweb/studies"],
    ["//dicomweb///studies//1.2?x=/../y", "/dicomweb/studies/1.2?x=/../y"],
    ["/", "/"],
    ["/dicomweb/%73tudies", "/dicomweb/studies"],
    ["/dicomweb/studies/1.2/frames/1%2C2", "/dicomweb/studies/1.2/frames/1%2C2"],
    ["/dicomweb/studies;limit=1", "/dicomweb/studies%3Blimit%3D1"],
  ])("spells %s as %s", (given, wanted) => assert.strictEqual(canonicalAddress(given), wanted))

  it.each([
    "/dicomweb/studies/../secret",
    "/dicomweb/studies/%2e%2E/series",
    "/dicomweb/studies/%2E",
    "/dicomweb/studies/..%2f..%2fetc",
    "/dicomweb/studies/a%5Cb",
    "/dicomweb/studies/1.2%00",
    "/dicomweb/studies/1.2%0d%0aSet-Cookie:x",
    "/dicomweb/studies/%c0%ae%c0%ae",
    "/dicomweb/studies/%ff",
    "/dicomweb/studies/%",
    "/dicomweb/studies/%zz",
    "/dicomweb#studies",
    "dicomweb/studies",
    "*",
    "",
  ])("refuses %s", (given) => assert.isUndefined(canonicalAddress(given)))

  it("is its own canonical form, and holds no dot segment or doubled slash", () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("/", ".", "%2e", "%2F", "%", "a", ";", "%C3%A9", "?", "é"), { maxLength: 12 }),
        (all) => {
          const once = canonicalAddress(`/${all.join("")}`)
          if (once === undefined) return
          assert.strictEqual(canonicalAddress(once), once)
          const path = decodeURIComponent(once.split("?", 1)[0]!)
          assert.notMatch(path, /\/\/|\/\.{1,2}(?:\/|$)/)
        },
      ),
      { numRuns: 1000 },
    ))
})
