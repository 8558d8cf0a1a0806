import { quantile } from '../kit/statistics.js'
import { formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { Workload } from '../kit/workload.js'
import type { WorkloadDemand } from './demand-history.js'
import { findNearZeroRuns } from './gaps.js'

/** What was found in the sources on the way to a history. */
export interface DataQuality {
  inputs: InputQuality[]
  /** Step at which the sources were read: their own, or the one that single requests were counted in. */
  stepSeconds: number
  /** In the order of the history's workloads. */
  workloads: WorkloadQuality[]
  /** Workloads of the sources that were not read. */
  unwanted: Workload[]
  findings: { code: string; message: string }[]
}

/** One file, or one Prometheus. */
export interface InputQuality {
  /** Path, or URL without credentials. */
  path: string
  /** One row a step, one row a request, or samples of a server. */
  layout: 'aggregated' | 'requests' | 'prometheus'
  rows: number
  /** Rows that were dropped because a value could not be read or is out of range. */
  badRows: number
  /** The first few of them. */
  badExamples: BadRow[]
}

export interface BadRow {
  /** Counted from 1, the header included. */
  line: number
  why: string
  text: string
}

export interface WorkloadQuality {
  workload: Workload
  /** Start of the first and end of the last step with a row. */
  from: EpochSeconds
  to: EpochSeconds
  /** Steps from `from` to `to`, and how many of them may be learned from. */
  points: number
  observed: number
  /** Steps that share their timestamp with another row of the workload. */
  duplicates: number
  tokens: WorkloadDemand['tokens']
  masked: QualityRun[]
  /** Near-zero runs that were kept as genuine although a person may know better. */
  suspicious: QualityRun[]
  levelShifts: LevelShift[]
}

export interface QualityRun {
  from: EpochSeconds
  to: EpochSeconds
  points: number
  why: string
}

export interface LevelShift {
  at: EpochSeconds
  /** Median daily level of the week after over that of the week before. */
  ratio: number
}

/** A near-zero run is worth a person's look from this length on. */
const suspiciousSeconds = secondsPerDay / 4
/** Shifts below this ratio, up or down, are ordinary growth. */
const smallestShiftRatio = 1.5
/** A shift must also stand out of the spread of daily levels by so many robust standard deviations. */
const shiftDeviations = 4
const shiftWindowDays = 7

/** Near-zero runs of at least six hours; masked points (NaN) are no part of them. */
export function findSuspiciousRuns(
  values: Float64Array,
  start: EpochSeconds,
  stepSeconds: number,
): QualityRun[] {
  return findNearZeroRuns(values, stepSeconds)
    .filter(({ from, to }) => (to - from) * stepSeconds >= suspiciousSeconds)
    .map(({ from, to }) => ({
      from: start + from * stepSeconds,
      to: start + to * stepSeconds,
      points: to - from,
      why: 'near zero, kept as genuine',
    }))
}

/**
 * Days at which the weekly median of daily levels changes for good: by at least half, and by more than the days
 * of either week differ among themselves. Needs two weeks; whole weeks, so that weekends cancel out.
 */
export function findLevelShifts(
  values: Float64Array,
  start: EpochSeconds,
  stepSeconds: number,
): LevelShift[] {
  const perDay = secondsPerDay / stepSeconds
  const days = Math.floor(values.length / perDay)
  const levels = Array.from({ length: days }, (_, day) => {
    const observed = values
      .slice(Math.round(day * perDay), Math.round((day + 1) * perDay))
      .filter((value) => !Number.isNaN(value))
    if (observed.length < perDay / 2) return Number.NaN
    return Math.log1p(observed.reduce((sum, value) => sum + value, 0) / observed.length)
  })
  const candidates: { day: number; change: number; misfit: number }[] = []
  for (let day = shiftWindowDays; day + shiftWindowDays <= days; day++) {
    const before = levels.slice(day - shiftWindowDays, day).filter((level) => !Number.isNaN(level))
    const after = levels.slice(day, day + shiftWindowDays).filter((level) => !Number.isNaN(level))
    if (before.length < 4 || after.length < 4) continue
    const middle = { before: quantile(before, 0.5), after: quantile(after, 0.5) }
    const deviations = [
      ...before.map((level) => Math.abs(level - middle.before)),
      ...after.map((level) => Math.abs(level - middle.after)),
    ]
    const deviation = 1.4826 * quantile(deviations, 0.5)
    const change = middle.after - middle.before
    if (Math.abs(change) > Math.max(Math.log(smallestShiftRatio), shiftDeviations * deviation)) {
      candidates.push({ day, change, misfit: deviations.reduce((sum, each) => sum + each, 0) })
    }
  }
  // Of neighbouring candidates the one that leaves least unexplained is the shift.
  const shifts: typeof candidates = []
  for (const candidate of candidates) {
    const last = shifts.at(-1)
    if (last === undefined || candidate.day - last.day >= shiftWindowDays) shifts.push(candidate)
    else if (candidate.misfit < last.misfit) shifts[shifts.length - 1] = candidate
  }
  return shifts.map(({ day, change }) => ({ at: start + day * secondsPerDay, ratio: Math.exp(change) }))
}

/** `2025-03-12 15:00` for tables, which say once that times are UTC. */
export function shortInstant(instant: EpochSeconds): string {
  return formatInstant(instant).slice(0, 16).replace('T', ' ')
}
