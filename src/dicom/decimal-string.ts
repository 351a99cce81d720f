// A number as DS (PS3.5 §6.2): at most 16 characters, as exact as these allow.

export const decimalString = (value: number): string => {
  for (let digits = 17; digits > 0; digits--) {
    const text = String(Number(value.toPrecision(digits)))
    if (text.length <= 16) return text
  }
  return value.toExponential(8)
}
