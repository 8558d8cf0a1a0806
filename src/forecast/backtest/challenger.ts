import { formatShare } from '../../kit/format.js'
import { formatDuration } from '../../kit/time.js'
import { secondsPerDay } from '../../kit/units.js'
import type { DemandHistory } from '../../metrics/demand-history.js'
import { cutHistory } from '../../metrics/select-history.js'
import { bridgeGaps } from '../bridge.js'
import type { DemandForecast } from '../demand-forecast.js'
import { forecastDemand } from '../forecast-demand.js'
import { keepWindow } from '../learning-window.js'
import { pathQuantiles } from '../sample-path.js'
import { addStep, emptySums, scoredLevels } from './quantile-score.js'
import { compareLosses, type Skill } from './skill.js'

export interface ChallengeOptions {
  /** How much of the past the forecast in use learns from, and the challenger. */
  championSeconds: number
  challengerSeconds: number
  horizonSeconds: number
  seed: number
}

/** How a challenger did in the shadow of the forecast in use. */
export interface Challenge extends Skill {
  championSeconds: number
  challengerSeconds: number
  origins: number
  takesOver: boolean
  reason: string
}

/** So many forecasts of each, half a day apart, are compared before a challenger may take over. */
const challengeOrigins = 28
const apartSeconds = secondsPerDay / 2
/** Below it a new window would be one for its own sake. */
const leastSkill = 0.01

/**
 * Compares two learning windows on the same past origins: the last 28, half a day apart, as far as the history goes. Each
 * forecast reads what lies before its origin; each workload counts the same. Throws what `forecastDemand` throws.
 */
export function challengeWindow(history: DemandHistory, options: ChallengeOptions): Challenge {
  const { championSeconds, challengerSeconds, horizonSeconds } = options
  const end = history.start + history.length * history.stepSeconds
  // Both must have what they learn from, and the whole horizon must have come.
  const first = history.start + Math.min(championSeconds, challengerSeconds) + secondsPerDay
  const origins = Array.from(
    { length: challengeOrigins },
    (_, index) => end - horizonSeconds - (challengeOrigins - 1 - index) * apartSeconds,
  ).filter((origin) => origin >= first)
  const losses = origins.map((origin) => {
    const past = cutHistory(history, origin)
    const lossOf = (windowSeconds: number) =>
      scoreForecast(history, forecastDemand(keepWindow(past, windowSeconds), options))
    return { champion: lossOf(championSeconds), challenger: lossOf(challengerSeconds) }
  })
  const totals = history.workloads.map((_, workload) =>
    losses.reduce((sum, { champion }) => sum + champion[workload]!, 0),
  )
  const relative = (of: 'champion' | 'challenger') =>
    losses.map((each) =>
      each[of].reduce((sum, loss, index) => sum + (totals[index]! > 0 ? loss / totals[index]! : 0), 0),
    )
  const skill = compareLosses(relative('challenger'), relative('champion'))
  return {
    championSeconds,
    challengerSeconds,
    origins: origins.length,
    ...skill,
    ...judgeChallenger(skill, origins.length, options),
  }
}

/** A challenger takes over only when it was surely better on 28 origins: the 90 % interval of its skill is above zero. */
export function judgeChallenger(
  { skill, skillInterval }: Skill,
  origins: number,
  { championSeconds, challengerSeconds }: Pick<ChallengeOptions, 'championSeconds' | 'challengerSeconds'>,
): Pick<Challenge, 'takesOver' | 'reason'> {
  const names = [challengerSeconds, championSeconds].map(formatDuration)
  if (origins < challengeOrigins || skill === null || skillInterval === null)
    return {
      takesOver: false,
      reason: `${names[1]} stays: only ${origins} of ${challengeOrigins} origins could be compared`,
    }
  const takesOver = skill >= leastSkill && skillInterval.low > 0
  const better = `pinball loss of ${names[0]} against ${names[1]} on ${origins} origins: ${formatShare(1 - skill)} (90 %: ${formatShare(1 - skillInterval.high)}–${formatShare(1 - skillInterval.low)})`
  return { takesOver, reason: `${takesOver ? `${names[0]} takes over` : `${names[1]} stays`}; ${better}` }
}

/** Pinball loss over the whole horizon, by workload. */
function scoreForecast(history: DemandHistory, forecast: DemandForecast): number[] {
  const { stepSeconds, start } = history
  const origin = Math.round((forecast.origin - start) / stepSeconds)
  return history.workloads.map(({ requests, mask }, index) => {
    const { values, observed } = bridgeGaps(requests, mask, secondsPerDay / stepSeconds)
    const { quantiles } = pathQuantiles(forecast, index, 'requests', scoredLevels)
    const sums = emptySums()
    for (let lead = 0; lead < Math.min(forecast.length, values.length - origin); lead++)
      if (observed[origin + lead] === 1)
        addStep(
          sums,
          values[origin + lead]!,
          0,
          quantiles.map((column) => column[lead]!),
        )
    return sums.pinball
  })
}
