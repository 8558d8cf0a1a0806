import { sortedQuantile } from '../kit/statistics.js'
import { type ForecastScore, forecastQuantiles } from './demand-forecast.js'
import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows, scoredDays } from './origin-grid.js'
import type { PointSpread } from './path-errors.js'
import { limit } from './sample-path.js'

const leastBlockDays = 3

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

/**
 * Scores a forecast made at a row, by day ahead, against what was observed until now.
 * @param center what paths scatter around
 */
export function scoreRow(
  point: Float64Array,
  center: Float64Array,
  errors: PointSpread | undefined,
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
): BlockScore[] {
  const levels = forecastQuantiles.map((probability) =>
    errors === undefined ? 0 : sortedQuantile(errors.quantiles, probability),
  )
  return Array.from({ length: grid.days }, (_, day) => {
    const score: BlockScore = { pinball: 0, absolute: 0, actual: 0, inside: 0, count: 0 }
    const end = Math.min((day + 1) * grid.slotsPerDay, grid.leads)
    for (let lead = day * grid.slotsPerDay; lead < end; lead++) {
      const slot = grid.origins[row]! + lead
      if (slot >= values.length || observed[slot] === 0) continue
      const actual = values[slot]!
      const quantiles = levels.map((level) =>
        limit(center[lead]!, level * (errors?.spread[lead] ?? 0), errors?.ceiling ?? 0),
      )
      for (const [index, probability] of forecastQuantiles.entries()) {
        const error = actual - quantiles[index]!
        score.pinball += Math.max(probability * error, (probability - 1) * error) / forecastQuantiles.length
      }
      score.absolute += Math.abs(actual - point[lead]!)
      score.actual += actual
      const [low, high] = [forecastQuantiles.indexOf(0.05), forecastQuantiles.indexOf(0.95)]
      if (actual >= quantiles[low]! && actual <= quantiles[high]!) score.inside++
      score.count++
    }
    return score
  })
}

/** Scores of one way to forecast by scored row. */
export type RowScores = Map<number, BlockScore[]>

/**
 * The rolling-origin score at a row: only days that were observed whole before it count. Baselines get the same
 * treatment: a spread from their own errors at the same origins, learned in the same way.
 */
export function scoreAt(
  grid: OriginGrid,
  row: number,
  own: RowScores,
  baselines: ReadonlyMap<string, RowScores>,
): ForecastScore | undefined {
  const rows = scoredRows(grid, row)
  const total = sumScores(grid, row, rows, own)
  if (total.count === 0) return undefined
  let baseline = ''
  let baselinePinball = Number.POSITIVE_INFINITY
  for (const [name, scores] of baselines) {
    const { pinball } = sumScores(grid, row, rows, scores)
    if (pinball < baselinePinball) [baseline, baselinePinball] = [name, pinball]
  }
  return {
    pinballLoss: total.pinball / total.count,
    baselinePinballLoss: baselinePinball / total.count,
    baseline,
    forecastSkill: baselinePinball > 0 ? 1 - total.pinball / baselinePinball : 0,
    wape: total.actual > 0 ? total.absolute / total.actual : 0,
    coverage90: total.inside / total.count,
    origins: rows.length,
  }
}

function sumScores(grid: OriginGrid, row: number, rows: number[], scores: RowScores): BlockScore {
  const total: BlockScore = { pinball: 0, absolute: 0, actual: 0, inside: 0, count: 0 }
  for (const scored of rows) {
    scores.get(scored)!.forEach((score, day) => {
      const ahead = Math.min((day + 1) * grid.slotsPerDay, grid.leads)
      if (grid.origins[scored]! + ahead > grid.origins[row]!) return
      for (const sum of Object.keys(total) as (keyof BlockScore)[]) total[sum] += score[sum]
    })
  }
  return total
}
