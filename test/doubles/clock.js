'use strict'

// A stand-in for time that passes: the clock of a process that requires this stands at LLMSCALE_STAND_IN_TIME when it
// starts, and runs on from there. Timers are as they were.

const ahead = Date.parse(process.env.LLMSCALE_STAND_IN_TIME) - Date.now()
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...values) {
    super(...(values.length === 0 ? [RealDate.now() + ahead] : values))
  }

  static now() {
    return RealDate.now() + ahead
  }
}
