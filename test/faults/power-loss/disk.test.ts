// The disk that forgets: only what was synced is certain, by file and by folder.
import { assert, describe, it } from "@effect/vitest"
import { makeDisk } from "./disk.ts"
import { drawn, extremes, type Luck, survivors } from "./power-cut.ts"
import type { Operation } from "./steps.ts"

const [nothing, everything, namesOnly] = extremes as readonly [Luck, Luck, Luck]

const makePlayer = () => {
  const disk = makeDisk()
  const began = (operation: Operation) => disk.play({ at: "began", operation })
  const ended = (operation: Operation) => disk.play({ at: "ended", operation })
  const whole = (...operations: ReadonlyArray<Operation>) => {
    for (const operation of operations) {
      began(operation)
      ended(operation)
    }
  }
  const read = (luck: Luck, path: string) => survivors(disk, luck).file(path)?.content.toString("latin1")
  return { began, ended, whole, read }
}

const create = (path: string): Operation => ({ _tag: "Create", path })
const write = (path: string, text: string, offset?: number): Operation => ({
  _tag: "Write",
  path,
  offset,
  bytes: Buffer.from(text, "latin1"),
})
const sync = (path: string): Operation => ({ _tag: "Sync", path })
const resize = (path: string, size: number): Operation => ({ _tag: "Resize", path, size })
const makeFolder = (path: string): Operation => ({ _tag: "MakeFolder", path })

describe("disk", () => {
  it("keeps a file when both it and its folder are synced", () => {
    const { whole, read } = makePlayer()
    whole(create("a"), write("a", "one"), sync("a"))
    assert.isUndefined(read(nothing, "a"))
    whole(sync(""))
    assert.strictEqual(read(nothing, "a"), "one")
    whole(write("a", " two"))
    assert.strictEqual(read(nothing, "a"), "one")
    assert.strictEqual(read(everything, "a"), "one two")
  })

  it("keeps a name whose content nobody synced, with nothing in it", () => {
    const { whole, read } = makePlayer()
    whole(create("a"), write("a", "one"), sync(""))
    assert.strictEqual(read(nothing, "a"), "")
    assert.strictEqual(read(namesOnly, "a"), "")
  })

  it("keeps what is in a folder only when the way to it is synced", () => {
    const { whole, read } = makePlayer()
    whole(makeFolder("f"), makeFolder("f/g"), create("f/g/a"), write("f/g/a", "x"), sync("f/g/a"), sync("f/g"))
    whole(sync(""))
    assert.isUndefined(read(nothing, "f/g/a"))
    whole(sync("f"))
    assert.strictEqual(read(nothing, "f/g/a"), "x")
  })

  it("covers by a sync what had ended before it began, and only once it has ended", () => {
    const { began, ended, whole, read } = makePlayer()
    whole(create("a"), sync(""), write("a", "1"))
    const [late, syncing] = [write("a", "2", 1), sync("a")]
    began(late)
    began(syncing)
    ended(late)
    assert.strictEqual(read(nothing, "a"), "")
    ended(syncing)
    assert.strictEqual(read(nothing, "a"), "1")
    assert.strictEqual(read(everything, "a"), "12")
  })

  it("takes a name away for certain with the folder's sync", () => {
    const { whole, read } = makePlayer()
    whole(create("a"), write("a", "x"), sync("a"), sync(""), { _tag: "Remove", path: "a" })
    assert.strictEqual(read(nothing, "a"), "x")
    assert.isUndefined(read(everything, "a"))
    whole(sync(""))
    assert.isUndefined(read(nothing, "a"))
  })

  it("never loses both names of a rename, nor the file that a link names too", () => {
    for (let seed = 0; seed < 200; seed++) {
      const { whole, read } = makePlayer()
      whole(makeFolder("f"), create("a"), write("a", "x"), sync("a"), sync(""))
      whole({ _tag: "Rename", from: "a", to: "f/b" }, { _tag: "Rename", from: "f/b", to: "f/c" })
      const left = ["a", "f/b", "f/c"].map((path) => read(drawn(seed), path)).filter((text) => text !== undefined)
      assert.include(left, "x", `seed ${seed}`)
      whole(sync("f"), { _tag: "Link", from: "f/c", to: "d" }, { _tag: "Remove", path: "f/c" }, sync(""))
      assert.strictEqual(read(drawn(seed), "d"), "x")
    }
  })

  it("gives zeros where a file was cut and grew again", () => {
    const { whole, read } = makePlayer()
    whole(create("a"), sync(""), write("a", "secret"), sync("a"), resize("a", 2), sync("a"), write("a", "z", 4))
    assert.strictEqual(read(everything, "a"), "se\0\0z")
    whole(sync("a"))
    assert.strictEqual(read(nothing, "a"), "se\0\0z")
  })

  it("draws any part of what is not synced, the same for the same seed", () => {
    const { whole, read } = makePlayer()
    whole(create("a"), sync(""), write("a", "A".repeat(2000)), sync("a"), write("a", "B".repeat(2000), 0))
    const drawnContents = Array.from({ length: 100 }, (_, seed) => read(drawn(seed), "a"))
    assert.include(drawnContents, "A".repeat(2000))
    assert.include(drawnContents, "B".repeat(2000))
    // Torn.
    assert.isTrue(drawnContents.some((text) => text?.includes("AB") === true && text.length === 2000))
    assert.deepStrictEqual(
      drawnContents,
      Array.from({ length: 100 }, (_, seed) => read(drawn(seed), "a")),
    )
  })
})
