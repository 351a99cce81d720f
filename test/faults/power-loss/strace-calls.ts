// strace's text as calls: each line a call, or its beginning, or its end.

export interface Call {
  readonly thread: number
  readonly name: string
  /** Arguments as strace writes them; complete from the beginning. */
  readonly given: string
  /** Undefined while the call is under way, and for good when it never returned. */
  result: number | undefined
  /** What strace says of the result: the file behind a new descriptor, the name of an error. */
  resultText: string
}

export interface CallEvent {
  readonly at: "began" | "ended"
  readonly call: Call
}

const line = /^(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$/s
const unfinished = / <unfinished \.\.\.>$/
const returned = /\) += (-?\d+|\?|0x[0-9a-f]+)(.*)$/s

/** Every call that strace was told to follow, as two events; one that never returned has no second. */
export const callEvents = (lines: Iterable<string>): ReadonlyArray<CallEvent> => {
  const events: Array<CallEvent> = []
  const open = new Map<number, Call>()
  const finish = (call: Call, result: RegExpExecArray | null): boolean => {
    if (result === null || result[1] === "?") return false
    call.result = Number(result[1])
    call.resultText = result[2] ?? ""
    return true
  }
  for (const text of lines) {
    const found = line.exec(text)
    // Signals and exits.
    if (found === null) continue
    const thread = Number(found[1])
    const resumed = found[2]
    if (resumed !== undefined) {
      const call = open.get(thread)
      if (call === undefined || call.name !== resumed) throw new Error(`${resumed} resumed without a beginning`)
      open.delete(thread)
      if (finish(call, returned.exec(found[3] ?? ""))) events.push({ at: "ended", call })
      continue
    }
    const name = found[4] ?? ""
    const rest = found[5] ?? ""
    const cut = unfinished.test(rest)
    const result = cut ? null : returned.exec(rest)
    const given = cut ? rest.replace(unfinished, "") : result === null ? rest : rest.slice(0, result.index)
    const call: Call = { thread, name, given, result: undefined, resultText: "" }
    events.push({ at: "began", call })
    if (cut) open.set(thread, call)
    else if (finish(call, result)) events.push({ at: "ended", call })
  }
  return events
}
