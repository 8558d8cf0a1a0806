import { assertGuards, checkKillSwitch } from '../planning/guards.js'

/** Throws `hold` KILL_SWITCH where LLMSCALE_KILL_SWITCH stops every write. */
export function assertWritable(): void {
  const { LLMSCALE_KILL_SWITCH: killSwitch } = process.env
  assertGuards([checkKillSwitch({ writes: true, ...(killSwitch !== undefined && { killSwitch }) })])
}
