import type { PointModel } from './point-model.js'

const leastDays = 5
// Hours before an origin by which days are told apart; each tells less than the one after it.
const reachDays = 2
const decayPerDay = 0.93 ** 24
// A day of the same weekday may look this much less alike.
const weekdayFavour = 0.4
// A past day weighs e⁻⁴ when it is that much less alike than the best as the fifth best is at all.
const sharpness = 4
const rivals = 5

/**
 * What followed on the past days that looked most like the last two: the mean of their continuations, each from the
 * level of its own day. It repeats kinds of days (weekends, batch nights) that regressions on lags blend. Nearest
 * neighbours by paths of lags: Yakowitz 1987, doi:10.1111/j.1467-9892.1987.tb00435.x.
 */
export const analogs: PointModel = {
  name: 'analogs',
  fit({ stepsPerDay: day }, end) {
    if (end < leastDays * day) return undefined
    const reach = reachDays * day
    const weights = Float64Array.from({ length: reach }, (_, back) => decayPerDay ** (back / day))
    return ({ values }, origin, leads) => {
      const roots = new Float64Array(origin + leads)
      for (let step = 0; step < origin; step++) roots[step] = Math.sqrt(Math.max(0, values[step]!))
      // Each day ahead goes on from the forecast of the day before.
      for (let from = origin; from < origin + leads; from += day) {
        const length = Math.min(day, origin + leads - from)
        continueDays(roots, from, length, findAnalogs(roots, origin - length, from, day, weights), day)
      }
      return roots.subarray(origin).map((root) => root ** 2)
    }
  },
}

/** A past step, at the same time of day, and how much what followed it counts. */
interface Analog {
  step: number
  weight: number
}

/** @param last step that a continuation may begin at */
function findAnalogs(
  roots: Float64Array,
  last: number,
  now: number,
  day: number,
  weights: Float64Array,
): Analog[] {
  const levelNow = levelBefore(roots, now, day)
  const steps: number[] = []
  const distances: number[] = []
  for (let step = now - day; step >= weights.length; step -= day) {
    if (step > last) continue
    const lift = levelBefore(roots, step, day) - levelNow
    let distance = 0
    for (let back = 0; back < weights.length; back++)
      distance += weights[back]! * (roots[now - 1 - back]! - roots[step - 1 - back]! + lift) ** 2
    steps.push(step)
    distances.push(((now - step) / day) % 7 === 0 ? weekdayFavour * distance : distance)
  }
  const sorted = Float64Array.from(distances).sort()
  const unlike = sorted[Math.min(rivals, sorted.length) - 1]!
  return steps.map((step, index) => ({
    step,
    weight: unlike > 0 ? Math.exp((-sharpness * (distances[index]! - sorted[0]!)) / unlike) : 1,
  }))
}

function continueDays(roots: Float64Array, from: number, length: number, found: Analog[], day: number): void {
  const total = found.reduce((sum, { weight }) => sum + weight, 0)
  const level = levelBefore(roots, from, day)
  for (const { step, weight } of found) {
    const lift = level - levelBefore(roots, step, day)
    for (let ahead = 0; ahead < length; ahead++)
      roots[from + ahead]! += (weight / total) * (roots[step + ahead]! + lift)
  }
  for (let ahead = 0; ahead < length; ahead++) roots[from + ahead] = Math.max(0, roots[from + ahead]!)
}

/** Mean of the day before a step. */
function levelBefore(roots: Float64Array, step: number, day: number): number {
  let sum = 0
  for (let back = 1; back <= day; back++) sum += roots[step - back]!
  return sum / day
}
