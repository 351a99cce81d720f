// Damaged files: read here, and stored in the live gateway, where what is accepted must come back.
import * as fc from "fast-check"
import { SaxesParser } from "saxes"
import { attributesOf } from "../../src/dicom/json.ts"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import { parsePart10, Part10Error } from "../../src/dicom/part10.ts"
import { stowBody, stowType } from "../support/gateway.ts"
import { corpus, deflateBomb, type Base } from "./corpus.ts"
import { Wrong, type Live } from "./live.ts"
import { damaged, mutations, type Mutation } from "./mutations.ts"
import { storedAddresses } from "./store-answer.ts"
import { target } from "./target.ts"

interface FileInput {
  readonly base: string
  readonly list: ReadonlyArray<Mutation>
}

const byName = new Map(corpus.map(({ name, bytes }) => [name, bytes]))

const inputs = (bases: ReadonlyArray<Base>): fc.Arbitrary<FileInput> =>
  fc.record({ base: fc.constantFrom(...bases.map(({ name }) => name)), list: mutations })

const bytesOf = ({ base, list }: FileInput) => damaged(byName.get(base)!, list)

/** A header is read or refused; what is read can be said as JSON and as XML. */
const readHere = ({ base, list }: FileInput) => {
  const began = performance.now()
  try {
    const attributes = attributesOf(parsePart10(bytesOf({ base, list })))
    JSON.parse(JSON.stringify(attributes))
    const parser = new SaxesParser()
    parser.on("error", (error) => {
      throw new Wrong(`Native DICOM Model XML is not well-formed: ${error.message}`)
    })
    parser.write(nativeXml(attributes)).close()
  } catch (error) {
    if (!(error instanceof Part10Error)) throw error
  }
  if (performance.now() - began > 2000) throw new Wrong("read for more than 2 s")
  return Promise.resolve()
}

const asStored = 'multipart/related; type="application/dicom"; transfer-syntax=*'

/** Nothing is accepted that cannot be retrieved, byte for byte, described, shown or refused as a picture, and deleted. */
const retrievable = async (path: string, sent: Buffer, live: Live) => {
  const found = await live.judged({ path, headers: { accept: asStored } })
  if (found.status !== 200) throw new Wrong(`accepted, but GET answers ${found.status}`)
  if (!found.body.includes(sent)) throw new Wrong("accepted, but other bytes come back")
  const metadata = await live.judged({ path: `${path}/metadata` })
  if (metadata.status !== 200) throw new Wrong(`accepted, but its metadata answers ${metadata.status}`)
  if (!Array.isArray(JSON.parse(metadata.body.toString()))) throw new Wrong("the metadata are no array")
  await live.judged({ path, headers: { accept: 'multipart/related; type="application/dicom"' } })
  await live.judged({
    path: `${path}/metadata`,
    headers: { accept: 'multipart/related; type="application/dicom+xml"' },
  })
  for (const more of ["/frames/1", "/frames/2,1", "/rendered", "/thumbnail", "/bulkdata"])
    await live.judged({ path: path + more })
}

const store = async (bytes: Buffer, live: Live) => {
  const answer = await live.judged({
    method: "POST",
    path: "/dicomweb/studies",
    headers: { "content-type": stowType, accept: "application/dicom+json" },
    body: stowBody([bytes]),
  })
  if (answer.status >= 300) return
  for (const path of storedAddresses(answer.body)) {
    const wrong = await retrievable(path, bytes, live).then(
      () => undefined,
      (error: unknown) => error,
    )
    // What stays would be the next input's duplicate.
    const gone = await live.ask({ method: "DELETE", path })
    if (wrong !== undefined) throw wrong
    if (gone.status >= 300) throw new Wrong(`accepted, but DELETE answers ${gone.status}`)
  }
}

const small = corpus.filter(({ bytes }) => bytes.length < 100_000)

export const fileTargets = [
  target("header", 40, inputs(corpus), readHere, bytesOf),
  target(
    "store",
    25,
    fc.oneof({ weight: 4, arbitrary: inputs(small) }, { weight: 1, arbitrary: inputs(corpus) }),
    async (input, live) => store(bytesOf(input), live),
    bytesOf,
  ),
  target(
    "bomb",
    0.1,
    fc.constantFrom(1, 32, 200, 600).map((MiB) => ({ MiB })),
    ({ MiB }, live) => store(deflateBomb(MiB * 2 ** 20), live),
    ({ MiB }) => deflateBomb(MiB * 2 ** 20),
  ),
]
