'use strict'

// A stand-in for time that passes: the clock of a process that requires this stands at LLMSCALE_STAND_IN_TIME when it
// starts, and runs on from there. Timers are as they were.

const RealDate = Date

/** Sets the clock of this process; what is returned sets it right again. */
exports.setClock = (time) => {
  const ahead = RealDate.parse(time) - RealDate.now()
  globalThis.Date = class extends RealDate {
    constructor(...values) {
      super(...(values.length === 0 ? [RealDate.now() + ahead] : values))
    }

    static now() {
      return RealDate.now() + ahead
    }
  }
  return () => {
    globalThis.Date = RealDate
  }
}

const { LLMSCALE_STAND_IN_TIME: time } = process.env
if (time !== undefined) exports.setClock(time)
