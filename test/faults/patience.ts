// How long the suite waits before it calls something stuck.

export const patience = {
  /** Lost events are sent again after two minutes and a half at the latest; twice that is stuck. */
  settleMillis: 300_000,
  /** What a crash cut short is finished by the streams. */
  repairMillis: 60_000,
}

/** For gateways that are broken on purpose, of which nobody expects that they recover. */
export const becomeImpatient = (): void => {
  patience.settleMillis = 90_000
  patience.repairMillis = 20_000
}
