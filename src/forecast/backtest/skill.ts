import { createRandom } from '../../kit/random.js'
import { quantile } from '../../kit/statistics.js'

/** How much less one way to forecast lost than a baseline. */
export interface Skill {
  /** 1 − loss / loss of the baseline; null where that is 0. */
  skill: number | null
  /** 90 % of 500 resamples of the days; null with fewer than five. */
  skillInterval: { low: number; high: number } | null
}

const resamples = 500
const leastDays = 5

/** Skill from losses of the same days: days are resampled together, so that a hard day is hard for both. */
export function compareLosses(own: ArrayLike<number>, baseline: ArrayLike<number>): Skill {
  const skillOn = (dayOf: (index: number) => number) => {
    let [sum, naive] = [0, 0]
    for (let index = 0; index < own.length; index++) {
      const day = dayOf(index)
      sum += own[day]!
      naive += baseline[day]!
    }
    return naive > 0 ? 1 - sum / naive : null
  }
  const random = createRandom(1)
  const drawn = Array.from({ length: own.length < leastDays ? 0 : resamples }, () =>
    skillOn(() => random.integer(own.length)),
  ).filter((skill) => skill !== null)
  return {
    skill: skillOn((index) => index),
    skillInterval: drawn.length === 0 ? null : { low: quantile(drawn, 0.05), high: quantile(drawn, 0.95) },
  }
}
