// Applies a mutation to a copy of the sources and runs the suite there: it must report a broken promise, not merely fail.
import { execFile } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import type { Mutation } from "./mutations.ts"
import type { MutationOutcome } from "./report.ts"

const root = resolve(import.meta.dirname, "../..")
const copied = ["src", "streams", "test", "gateway-config", "package.json"]
const limitMillis = 15 * 60_000

const apply = (folder: string, { name, edits }: Mutation) => {
  for (const { file, find, replace } of edits) {
    const path = join(folder, file)
    const [before, after, ...more] = readFileSync(path, "utf8").split(find)
    // The sources moved on: the mutation must follow them, or it breaks nothing.
    if (before === undefined || after === undefined || more.length > 0)
      throw new Error(`mutation "${name}": ${file} does not hold once: ${find}`)
    writeFileSync(path, `${before}${replace}${after}`)
  }
}

const suite = (folder: string, fault: string, seed: number) =>
  new Promise<string>((done) => {
    const args = [join(folder, "test/faults/main.ts"), "--only", fault, "--seed", String(seed), "--impatient"]
    execFile(process.execPath, args, { cwd: folder, timeout: limitMillis }, (_error, stdout, stderr) =>
      done(`${stdout}\n${stderr}`),
    )
  })

const broken = /^ {2}(?:lost|altered|doubled|resurrected|refused|stuck|inconsistent|different): .*$/gm

export const mutate = async (mutation: Mutation, seed: number): Promise<MutationOutcome> => {
  const folder = mkdtempSync(join(tmpdir(), "faults-mutation-"))
  try {
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    apply(folder, mutation)
    const said = await suite(folder, mutation.fault, seed)
    for (const [, kept] of said.matchAll(/the folder is kept: (\S+)/g))
      rmSync(kept ?? "", { recursive: true, force: true, maxRetries: 5 })
    const { name, broken: takes, fault } = mutation
    return { name, broken: takes, fault, found: [...said.matchAll(broken)].map(([line]) => line.trim()), said }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
