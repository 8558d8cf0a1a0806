import { secondsPerDay, secondsPerHour } from '../../kit/units.js'

const usualHorizons = [
  secondsPerHour,
  6 * secondsPerHour,
  secondsPerDay,
  2 * secondsPerDay,
  7 * secondsPerDay,
  28 * secondsPerDay,
]

/** Horizons that are scored, ascending, in seconds: 1 h, 6 h, 24 h, 48 h, 7 d, 28 d as far as they go, and all of it. */
export function scoredHorizons(horizonSeconds: number, stepSeconds: number): number[] {
  const shorter = usualHorizons.filter(
    (seconds) => seconds < horizonSeconds && seconds >= stepSeconds && seconds % stepSeconds === 0,
  )
  return [...shorter, horizonSeconds]
}
