// curl scripts as the README's readers write them: a multipart file by printf and cat, searches, reads, deletes, a key.
import { execFile } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Live } from "../conformance/checks.fixture.ts"
import { live } from "../conformance/gateway.fixture.ts"
import { newCt, ramp } from "../conformance/part10-files.fixture.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { ct } from "../conformance/archive.fixture.ts"

const key = randomBytes(32).toString("base64url")
const environment = {
  GATEWAY_ACCESS_KEYS: JSON.stringify([
    {
      name: "scripts",
      sha256: createHash("sha256").update(key).digest("hex"),
      actions: ["read", "store", "delete"],
      origins: "all",
    },
  ]),
}

class Shell extends Context.Service<
  Shell,
  { readonly run: (script: string) => Effect.Effect<string>; readonly dir: string }
>()("test/clients/Shell") {}
const ShellLive = Layer.effect(
  Shell,
  Effect.gen(function* () {
    const { url } = yield* Live
    const dir = yield* temporaryFolder
    writeFileSync(
      join(dir, "large.dcm"),
      newCt({ "00280010": ["US", 1000], "00280011": ["US", 1000], "7FE00010": ["OW", ramp(1_000_000)] }, 70_001).bytes,
    )
    ct.forEach(({ bytes }, i) => writeFileSync(join(dir, `${i + 1}.dcm`), bytes))
    const env = { ...process.env, KEY: key, URL: `${url}/dicomweb` }
    const run = (script: string) =>
      Effect.callback<string>((resume) => {
        execFile("bash", ["-euo", "pipefail", "-c", script], { cwd: dir, env }, (error, stdout, stderr) =>
          resume(error === null ? Effect.succeed(stdout) : Effect.die(new Error(`${stderr}${stdout}`))),
        )
      })
    return { run, dir }
  }),
).pipe(Layer.provideMerge(live([], environment)))

const statusOf = "-s -o answer -w '%{http_code}'"
const signed = '-H "X-Api-Key: $KEY"'
const type = `-H 'Content-Type: multipart/related; type="application/dicom"; boundary=cut'`
const [one] = ct
const instance = `$URL/studies/${one!.StudyInstanceUID}/series/${one!.SeriesInstanceUID}/instances/${one!.SOPInstanceUID}`

layer(ShellLive, { timeout: 60_000, excludeTestServices: true })("curl", (it) => {
  /** In this order. */
  const scripts: ReadonlyArray<readonly [name: string, script: string, output: string | RegExp]> = [
    [
      "stores files put together with printf and cat",
      `for f in 1 2 3; do printf -- '--cut\\r\\nContent-Type: application/dicom\\r\\n\\r\\n'; cat $f.dcm; printf '\\r\\n'; done > body
       printf -- '--cut--\\r\\n' >> body
       curl ${statusOf} ${signed} ${type} --data-binary @body "$URL/studies"`,
      "200",
    ],
    [
      "stores one file as it is",
      `curl ${statusOf} ${signed} -H 'Content-Type: application/dicom' --data-binary @1.dcm "$URL/studies"`,
      "200",
    ],
    [
      "streams a body of unknown length",
      `{ printf -- '--cut\\r\\nContent-Type: application/dicom\\r\\n\\r\\n'; cat large.dcm; printf '\\r\\n--cut--\\r\\n'; } |
       curl ${statusOf} ${signed} ${type} -X POST -T - "$URL/studies"`,
      "200",
    ],
    [
      "is told to go on at once with a large body",
      `curl -sv ${signed} -H 'Content-Type: application/dicom' --data-binary @large.dcm "$URL/studies" 2>&1 >answer | grep -c 'Done waiting for 100-continue' || true`,
      /^0/,
    ],
    [
      "searches",
      `curl -s ${signed} "$URL/studies?PatientID=P-001" | grep -o '"00201208":{"vr":"IS","Value":\\[3\\]}'`,
      /3/,
    ],
    [
      "searches with encoded data",
      `curl ${statusOf} ${signed} -G "$URL/studies" --data-urlencode 'PatientName=*Doe^Jane*' --data-urlencode 'includefield=00081030,PatientSex'`,
      "200",
    ],
    ["finds nobody", `curl ${statusOf} ${signed} "$URL/studies?PatientID=NOBODY"`, "204"],
    [
      "reads one instance into a file that is the one sent",
      `curl -s ${signed} -H 'Accept: application/dicom' -o back.dcm "${instance}" && cmp back.dcm 1.dcm && echo same`,
      "same\n",
    ],
    [
      "reads a picture",
      `curl -s ${signed} -H 'Accept: image/png' -o picture.png "${instance}/rendered" && head -c 4 picture.png | tail -c 3`,
      "PNG",
    ],
    [
      "reads compressed metadata",
      `curl -s --compressed ${signed} "$URL/studies/${one!.StudyInstanceUID}/metadata" | grep -o '"00080018"' | wc -l`,
      /^\s*3\s*$/,
    ],
    ["asks for the head alone", `curl -sI ${signed} "$URL/studies/${one!.StudyInstanceUID}/metadata" | head -1`, /200/],
    ["signs in with Basic", `curl ${statusOf} -u "scripts:$KEY" "$URL/studies"`, "200"],
    ["signs in with a bearer", `curl ${statusOf} -H "Authorization: Bearer $KEY" "$URL/studies"`, "200"],
    ["is refused without a key", `curl ${statusOf} "$URL/studies"`, "401"],
    ["is refused with another", `curl ${statusOf} -H "X-Api-Key: x$KEY" "$URL/studies"`, "401"],
    [
      "is told what was wrong in one sentence",
      `curl -s ${signed} "$URL/studies?limit=-1"`,
      /^\{"error":"[^"]*limit[^"]*"\}$/,
    ],
    ["deletes an instance", `curl ${statusOf} ${signed} -X DELETE "${instance}"`, /^20[04]$/],
    ["deletes a study", `curl ${statusOf} ${signed} -X DELETE "$URL/studies/${one!.StudyInstanceUID}"`, /^20[04]$/],
    ["then finds it gone", `curl ${statusOf} ${signed} "$URL/studies/${one!.StudyInstanceUID}/metadata"`, "404"],
  ]
  for (const [name, script, output] of scripts) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { run, dir } = yield* Shell
        const said = yield* run(script)
        const answer = join(dir, "answer")
        const why = existsSync(answer) ? readFileSync(answer, "latin1").slice(0, 300) : ""
        if (typeof output === "string") assert.strictEqual(said, output, why)
        else assert.match(said, output, why)
      }),
    )
  }
})
