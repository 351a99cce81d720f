// Dates, times and date-times as text that compares as they do (PS3.5 §6.2), and the span that an imprecise one names.

export interface Span {
  readonly from: string
  readonly to: string
}

const inRange = (text: string | undefined, from: number, to: number): boolean =>
  text === undefined || (Number(text) >= from && Number(text) <= to)

/** YYYYMMDD, also as ACR-NEMA wrote it: YYYY.MM.DD. */
export const dateOf = (text: string): string | undefined => {
  const parts = /^([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})$/.exec(text)
  if (parts === null) return undefined
  const [, year, , month, day] = parts
  return inRange(month, 1, 12) && inRange(day, 1, 31) ? `${year}${month}${day}` : undefined
}

const timePattern = /^([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?$/

const clock = (hour: string, minute?: string, second?: string, fraction?: string): Span => ({
  from: `${hour}${minute ?? "00"}${second ?? "00"}.${(fraction ?? "").padEnd(6, "0")}`,
  to: `${hour}${minute ?? "59"}${second ?? "59"}.${(fraction ?? "").padEnd(6, "9")}`,
})

/** As HHMMSS.FFFFFF; also with colons, as ACR-NEMA wrote it. */
export const timeSpan = (text: string): Span | undefined => {
  const parts = timePattern.exec(text)
  if (parts === null) return undefined
  const [, hour = "", minute, second, fraction] = parts
  // 60: a leap second.
  return inRange(hour, 0, 23) && inRange(minute, 0, 59) && inRange(second, 0, 60)
    ? clock(hour, minute, second, fraction)
    : undefined
}

const dateTimePattern =
  /^([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?)?)?)?([+-][0-9]{4})?$/

const shifted = (moment: string, offset: string | undefined): string => {
  if (offset === undefined) return moment
  const part = (from: number, length: number) => Number(moment.slice(from, from + length))
  const minutes = (offset.startsWith("-") ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3)))
  const utc = Date.UTC(part(0, 4), part(4, 2) - 1, part(6, 2), part(8, 2), part(10, 2) - minutes, part(12, 2))
  return new Date(utc).toISOString().replace(/[-:T]/g, "").slice(0, 14) + moment.slice(14)
}

/** As YYYYMMDDHHMMSS.FFFFFF, in UTC when the text says its offset. */
export const dateTimeSpan = (text: string): Span | undefined => {
  const parts = dateTimePattern.exec(text)
  if (parts === null) return undefined
  const [, year = "", month, day, hour, minute, second, fraction, offset] = parts
  const sound =
    inRange(month, 1, 12) &&
    inRange(day, 1, 31) &&
    inRange(hour, 0, 23) &&
    inRange(minute, 0, 59) &&
    inRange(second, 0, 60) &&
    inRange(offset?.slice(1, 3), 0, 14) &&
    inRange(offset?.slice(3), 0, 59)
  if (!sound) return undefined
  const first = clock(hour ?? "00", minute, second, fraction)
  const last = clock(hour ?? "23", minute, second, fraction)
  return {
    from: shifted(`${year}${month ?? "01"}${day ?? "01"}${first.from}`, offset),
    to: shifted(`${year}${month ?? "12"}${day ?? "31"}${last.to}`, offset),
  }
}
