// What a store answer (PS3.18 Annex I) calls stored.

type Item = Readonly<Record<string, { readonly Value?: ReadonlyArray<string> }>>

/** Paths of the stored instances. */
export const storedAddresses = (body: Buffer): ReadonlyArray<string> => {
  const answer = JSON.parse(body.toString()) as Readonly<Record<string, { readonly Value?: ReadonlyArray<Item> }>>
  return (answer["00081199"]?.Value ?? [])
    .flatMap((item) => item["00081190"]?.Value ?? [])
    .map((url) => new URL(url).pathname)
}
