// Codes for what a segment shows: SNOMED CT for common organs, otherwise the label's own name.

export interface Code {
  readonly value: string
  readonly scheme: string
  readonly meaning: string
}

// PS3.16 CID 7140 and its neighbours.
const known: ReadonlyArray<readonly [word: string, value: string, meaning: string]> = [
  ["liver", "10200004", "Liver"],
  ["spleen", "78961009", "Spleen"],
  ["heart", "80891009", "Heart"],
  ["brain", "12738006", "Brain"],
  ["bladder", "89837001", "Urinary bladder"],
  ["kidney", "64033007", "Kidney"],
  ["lung", "39607008", "Lung"],
  ["stomach", "69695003", "Stomach"],
  ["pancreas", "15776009", "Pancreas"],
  ["trachea", "44567001", "Trachea"],
  ["aorta", "15825003", "Aorta"],
]

/** The organ of exactly this name, sides apart; a name that merely contains one ("brain stem") keeps its own code. */
export const codeOf = (name: string): Code => {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z]+/g, " ")
    .replaceAll(/\b(left|right|urinary|l|r)\b/g, "")
    .trim()
  const found = known.find(([word]) => word === plain)
  // A code of the local scheme may not exceed 16 characters (SH), nor its meaning 64 (LO).
  return found === undefined
    ? { value: name.replaceAll(/[^\w]+/g, "_").slice(0, 16), scheme: "99LABEL", meaning: name.slice(0, 64) }
    : { value: found[1], scheme: "SCT", meaning: found[2] }
}
