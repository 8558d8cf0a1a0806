import { localMinuteOfWeek } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour, secondsPerWeek } from '../../kit/units.js'
import type { Run } from '../gaps.js'

// A day whose log file is missing looks like a day without requests. Silence of all workloads at once, for an hour or
// more, is believed where the log is as silent at that time on other days or in other weeks, as a service that sleeps
// at night or at weekends is, and where so few requests come that none may come by chance.

/** Shorter silences are ordinary. */
const leastHoleSeconds = secondsPerHour
/** A time at which this share of other days, or of other weeks, is silent is one of rest. */
const usualShare = 0.2
/** Silence is called a hole where it was less likely than this if requests come by chance alone (Poisson). */
const smallestProbability = 1e-6
/** Other days and weeks are looked at up to this many on both sides: a service changes its hours. */
const daysEachSide = 7
const weeksEachSide = 4
/** Of another day half an hour on both sides is looked at: hours of rest do not begin on the minute. */
const slotHalfWidthSeconds = secondsPerHour / 2
/** Of a week that begins on Monday; in UTC, as logs do not say where their users live. */
const saturdayMinute = 5 * 24 * 60

/**
 * Runs of steps that logs of single requests do not cover although they lie between the first and the last request.
 * `requests`: of all logged workloads together, by step, from the first step with a request, which begins at `start`,
 * to the last. What no other day of the same kind (Monday to Friday, Saturday and Sunday) shows, as in a log of one
 * day, is in no hole.
 */
export function findLogHoles(requests: Float64Array, start: EpochSeconds, stepSeconds: number): Run[] {
  const isLong = ({ from, to }: Run) => (to - from) * stepSeconds >= leastHoleSeconds
  const silences = findRuns({ from: 0, to: requests.length }, (at) => requests[at] === 0).filter(isLong)
  const isSilent = new Uint8Array(requests.length)
  for (const { from, to } of silences) isSilent.fill(1, from, to)
  const isHole = new Uint8Array(requests.length)
  const halfWidth = Math.round(slotHalfWidthSeconds / stepSeconds)
  for (const silence of silences) {
    const usual = (at: number, width: number) =>
      usualRequests(at, width, silence, { requests, isSilent, start, stepSeconds })
    const unusual = findRuns(silence, (at) => usual(at, halfWidth) > 0).filter(isLong)
    for (const { from, to } of unusual) {
      let expected = 0
      for (let at = from; at < to; at++) expected += usual(at, halfWidth)
      if (Math.exp(-expected) > smallestProbability) continue
      isHole.fill(1, from, to)
      // Where rest ends is only known to the half hour so far.
      for (let at = from - 1; at >= silence.from && usual(at, 0) > 0; at--) isHole[at] = 1
      for (let at = to; at < silence.to && usual(at, 0) > 0; at++) isHole[at] = 1
    }
  }
  return findRuns({ from: 0, to: requests.length }, (at) => isHole[at] === 1)
}

interface LoggedSteps {
  requests: Float64Array
  /** 1 in silences long enough to be looked at. */
  isSilent: Uint8Array
  start: EpochSeconds
  stepSeconds: number
}

/**
 * Requests that other days, or other weeks if these have fewer, lead one to expect in a step: zero where silence is
 * usual, and where no other day is known. `width`: steps on both sides that are looked at as well.
 */
function usualRequests(at: number, width: number, silence: Run, steps: LoggedSteps): number {
  const known = [
    requestsEvery(secondsPerDay, daysEachSide, at, width, silence, steps),
    requestsEvery(secondsPerWeek, weeksEachSide, at, width, silence, steps),
  ].filter((requests) => requests !== undefined)
  return known.length === 0 ? 0 : Math.min(...known)
}

/**
 * Mean requests of the steps some periods away that lie outside a silence; zero where many of them are silent.
 * Weekdays are no measure of a weekend, nor a weekend of them.
 */
function requestsEvery(
  periodSeconds: number,
  periodsEachSide: number,
  at: number,
  width: number,
  silence: Run,
  { requests, isSilent, start, stepSeconds }: LoggedSteps,
): number | undefined {
  const isKnown = (step: number) =>
    step >= 0 && step < requests.length && !(step >= silence.from && step < silence.to)
  const isWeekend = (step: number) => localMinuteOfWeek(start + step * stepSeconds, 0) >= saturdayMinute
  let count = 0
  let silent = 0
  let total = 0
  for (let period = -periodsEachSide; period <= periodsEachSide; period++) {
    const middle = at + Math.round((period * periodSeconds) / stepSeconds)
    if (!isKnown(middle) || isWeekend(middle) !== isWeekend(at)) continue
    for (let other = middle - width; other <= middle + width; other++) {
      if (!isKnown(other)) continue
      count++
      silent += isSilent[other]!
      total += requests[other]!
    }
  }
  if (count === 0) return undefined
  return silent >= usualShare * count ? 0 : total / count
}

function findRuns({ from, to }: Run, isPart: (at: number) => boolean): Run[] {
  const runs: Run[] = []
  for (let at = from; at < to; at++) {
    if (!isPart(at)) continue
    const last = runs.at(-1)
    if (last?.to === at) last.to++
    else runs.push({ from: at, to: at + 1 })
  }
  return runs
}
