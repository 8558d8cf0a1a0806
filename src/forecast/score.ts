import { sortedQuantile } from '../kit/statistics.js'
import { compareLosses } from './backtest/skill.js'
import { type ForecastScore, forecastQuantiles } from './demand-forecast.js'
import type { GridSeries } from './grid-series.js'
import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows, scoredDays } from './origin-grid.js'
import type { PastPoint } from './past-errors.js'
import { learnRowErrors, type PointSpread, spreadPoint } from './point-spread.js'
import { limit } from './sample-path.js'

const leastBlockDays = 3
// One day among many needs fewer past errors than a forecast.
const scoredCells = 800

/** The earlier rows on which a forecast made at a row is scored: daily, each with three days of errors of its own. */
export function scoredRows(grid: OriginGrid, row: number): number[] {
  const rows: number[] = []
  for (let earlier = row - grid.rowsPerDay; earlier >= 0; earlier -= grid.rowsPerDay) {
    const { first, ends } = observedRows(grid, earlier)
    if (ends[0]! - first < leastBlockDays * grid.rowsPerDay || rows.length === scoredDays) break
    rows.unshift(earlier)
  }
  return rows
}

/** Sums over the slots of one day ahead of one origin. */
interface BlockScore {
  pinball: number
  absolute: number
  actual: number
  inside: number
  count: number
}

/** A way to forecast one metric, rolled over a grid. */
export interface RolledForecast {
  name: string
  /** By row that it is asked for. */
  asked: ReadonlyMap<number, Float64Array>
  /** What it said at a past row, when that was now. */
  madeAt(row: number): Float64Array
  /** What it says at a row of earlier rows: what the spread of what it says there is read from. */
  pastAt(row: number): PastPoint
  /** Whether its paths scatter around another line than the point. */
  centers: boolean
}

/** Scores forecasts made at rows by day ahead against all that came; each once. */
function createScorer({ madeAt, pastAt, centers }: RolledForecast, series: GridSeries, grid: OriginGrid) {
  const scores = new Map<number, BlockScore[]>()
  return (row: number): BlockScore[] => {
    const known = scores.get(row)
    if (known !== undefined) return known
    const point = madeAt(row)
    const errors = learnRowErrors(pastAt(row), series, grid, row, centers, scoredCells)
    const score = scoreRow(point, spreadPoint(point, errors, series, grid, row), series, grid, row)
    scores.set(row, score)
    return score
  }
}

function scoreRow(
  point: Float64Array,
  { center, quantiles, spread, ceiling }: PointSpread,
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
): BlockScore[] {
  const levels = forecastQuantiles.map((probability) => sortedQuantile(quantiles, probability))
  const [low, high] = [forecastQuantiles.indexOf(0.05), forecastQuantiles.indexOf(0.95)]
  return Array.from({ length: grid.days }, (_, day) => {
    const score: BlockScore = { pinball: 0, absolute: 0, actual: 0, inside: 0, count: 0 }
    const end = Math.min((day + 1) * grid.slotsPerDay, grid.leads)
    for (let lead = day * grid.slotsPerDay; lead < end; lead++) {
      const slot = grid.origins[row]! + lead
      if (slot >= values.length || observed[slot] === 0) continue
      const actual = values[slot]!
      let isInside = true
      for (let index = 0; index < levels.length; index++) {
        const probability = forecastQuantiles[index]!
        const error = actual - limit(center[lead]!, levels[index]! * spread[lead]!, ceiling)
        score.pinball += Math.max(probability * error, (probability - 1) * error) / levels.length
        if ((index === low && error < 0) || (index === high && error > 0)) isInside = false
      }
      score.absolute += Math.abs(actual - point[lead]!)
      score.actual += actual
      if (isInside) score.inside++
      score.count++
    }
    return score
  })
}

/** A score, and the naive forecast that was surely better. */
export interface Scored {
  score: ForecastScore
  better: RolledForecast | undefined
}

/** Whether losses were higher by more than the days that were met explain. */
function isSurelyWorse(losses: readonly number[], baseline: readonly number[]): boolean {
  const { skillInterval } = compareLosses(losses, baseline)
  return skillInterval !== null && skillInterval.high < 0
}

/**
 * Rolling-origin scores at the rows that are asked for: only days that were observed whole before a row count. The
 * baseline is the naive forecast of least absolute error on them; it gets the same treatment, a spread from its own
 * errors at the same origins, learned in the same way.
 */
export function scoreRows(
  own: RolledForecast,
  naives: readonly RolledForecast[],
  series: GridSeries,
  grid: OriginGrid,
): (Scored | undefined)[] {
  if (naives.length === 0) return grid.asked.map(() => undefined)
  const scorers = new Map([own, ...naives].map((each) => [each, createScorer(each, series, grid)]))
  return grid.asked.map((row) => {
    const scored = scoredRows(grid, row)
    const sumOf = (each: RolledForecast) => sumScores(grid, row, scored, scorers.get(each)!)
    const total = sumOf(own)
    if (total.count === 0) return undefined
    const errors = naives.map((naive) => absoluteError(naive, series, grid, row, scored))
    const baseline = naives[errors.indexOf(Math.min(...errors))]!
    const { pinball } = sumOf(baseline)
    const lossesOf = (each: RolledForecast) =>
      scored.map((earlier) => sumScores(grid, row, [earlier], scorers.get(each)!).pinball)
    return {
      score: {
        pinballLoss: total.pinball / total.count,
        baselinePinballLoss: pinball / total.count,
        baseline: baseline.name,
        forecastSkill: pinball > 0 ? 1 - total.pinball / pinball : 0,
        wape: total.actual > 0 ? total.absolute / total.actual : 0,
        coverage90: total.inside / total.count,
        origins: scored.length,
      },
      better:
        total.pinball > pinball && isSurelyWorse(lossesOf(own), lossesOf(baseline)) ? baseline : undefined,
    }
  })
}

function absoluteError(
  { madeAt }: RolledForecast,
  { values, observed }: Series,
  { origins, leads }: OriginGrid,
  row: number,
  scored: readonly number[],
): number {
  let sum = 0
  for (const earlier of scored) {
    const origin = origins[earlier]!
    const point = madeAt(earlier)
    const known = Math.min(leads, origins[row]! - origin)
    for (let lead = 0; lead < known; lead++)
      if (observed[origin + lead] === 1) sum += Math.abs(values[origin + lead]! - point[lead]!)
  }
  return sum
}

function sumScores(
  grid: OriginGrid,
  row: number,
  rows: readonly number[],
  scoreAt: (row: number) => BlockScore[],
): BlockScore {
  const total: BlockScore = { pinball: 0, absolute: 0, actual: 0, inside: 0, count: 0 }
  for (const scored of rows) {
    scoreAt(scored).forEach((score, day) => {
      const ahead = Math.min((day + 1) * grid.slotsPerDay, grid.leads)
      if (grid.origins[scored]! + ahead > grid.origins[row]!) return
      for (const sum of Object.keys(total) as (keyof BlockScore)[]) total[sum] += score[sum]
    })
  }
  return total
}
