import type { Config } from '../config/schema.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { readChallenges } from '../delivery/score-file.js'
import { formatDuration, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { besideConfig } from './project.js'

/** What a challenger did longer ago says nothing about now. */
const longestTrust = 30 * secondsPerDay

/**
 * How much of the past a forecast learns from where `forecast.challenger` has taken over, and why: by the last time
 * that it was tried on data up to the end of the history. Undefined where it has not. Throws what the store throws.
 */
export async function findChallenger(
  config: Config,
  configPath: string,
  environment: string,
  dataThrough: EpochSeconds,
): Promise<{ windowSeconds: number; note: string } | undefined> {
  const windowSeconds = config.forecast.challenger
  if (windowSeconds === undefined) return undefined
  const store = await openStateStore(config.environments[environment]!, besideConfig(configPath, '.'))
  const last = (await readChallenges(store, environment)).find(
    ({ challengerSeconds, asOf }) =>
      challengerSeconds === windowSeconds &&
      parseInstant(asOf)! <= dataThrough &&
      parseInstant(asOf)! > dataThrough - longestTrust,
  )
  if (last?.takesOver !== true) return undefined
  return {
    windowSeconds,
    note: `The last ${formatDuration(windowSeconds)} are learned from: ${last.reason}.`,
  }
}
