import { drawableDays } from './block-bootstrap.js'
import { type ForecastScore, forecastQuantiles, type SeriesForecast } from './demand-forecast.js'
import type { Series } from './models/point-model.js'
import { type OriginGrid, observedRows } from './origin-grid.js'
import type { RolledSeries } from './rolling-origin.js'
import { readQuantiles } from './sample-path.js'

// A score looks at no more than two weeks of daily origins, at one step an hour.
const mostOrigins = 14
const leastBlockDays = 3

/** What a forecast made at a row knows of one series: point and the residuals of the rows that it looks back on. */
export function seriesAt(rolled: RolledSeries, grid: OriginGrid, row: number): SeriesForecast {
  const { first, ends } = observedRows(grid, row)
  const rows = ends[0]! - first
  return {
    point: rolled.points[row]!,
    residuals: {
      values: rolled.residuals.subarray(first * grid.leads, (first + rows) * grid.leads),
      origins: rows,
      leads: grid.leads,
      blankRows: Math.min(Math.max(rolled.blankRows - first, 0), rows),
      offset: rolled.offsets[row]!,
      ceiling: rolled.ceilings[row]!,
    },
  }
}

/** The earlier rows on which a forecast made at a row is scored: daily, each with three days of blocks of its own. */
export function scoredRows(grid: OriginGrid, row: number): number[] {
  const rows: number[] = []
  for (let earlier = row - grid.rowsPerDay; earlier >= 0; earlier -= grid.rowsPerDay) {
    const { first, ends } = observedRows(grid, earlier)
    if (ends[0]! - first < leastBlockDays * grid.rowsPerDay || rows.length === mostOrigins) break
    rows.unshift(earlier)
  }
  return rows
}

/** Sums over the steps of one day ahead of one origin. */
interface BlockScore {
  pinball: number
  absolute: number
  actual: number
  inside: number
  count: number
}

/** Scores the forecast made at a row, by day ahead, against what was observed until now. */
export function scoreRow(
  rolled: RolledSeries,
  { values, observed }: Series,
  grid: OriginGrid,
  row: number,
  draws: { seed: number; pathCount: number },
): BlockScore[] {
  const stride = Math.max(1, Math.floor(grid.stepsPerDay / 24))
  const series = seriesAt(rolled, grid, row)
  const { quantiles } = readQuantiles(series, drawableDays(grid, row), draws, forecastQuantiles, stride)
  const [low, high] = [
    quantiles[forecastQuantiles.indexOf(0.05)]!,
    quantiles[forecastQuantiles.indexOf(0.95)]!,
  ]
  return Array.from({ length: grid.days }, (_, day) => {
    const score: BlockScore = { pinball: 0, absolute: 0, actual: 0, inside: 0, count: 0 }
    const end = Math.min((day + 1) * grid.stepsPerDay, grid.leads)
    for (let lead = Math.ceil((day * grid.stepsPerDay) / stride) * stride; lead < end; lead += stride) {
      const step = grid.origins[row]! + lead
      if (step >= values.length || observed[step] === 0) continue
      const actual = values[step]!
      forecastQuantiles.forEach((probability, index) => {
        const error = actual - quantiles[index]![lead]!
        score.pinball += Math.max(probability * error, (probability - 1) * error) / forecastQuantiles.length
      })
      score.absolute += Math.abs(actual - series.point[lead]!)
      score.actual += actual
      if (actual >= low[lead]! && actual <= high[lead]!) score.inside++
      score.count++
    }
    return score
  })
}

/** Scores of one way to forecast by scored row. */
export type RowScores = Map<number, BlockScore[]>

/**
 * The rolling-origin score at a row: only days that were observed whole before it count. Baselines get the same
 * treatment: their own residuals from the same origins, drawn and widened in the same way.
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
      const ahead = Math.min((day + 1) * grid.stepsPerDay, grid.leads)
      if (grid.origins[scored]! + ahead > grid.origins[row]!) return
      for (const sum of Object.keys(total) as (keyof BlockScore)[]) total[sum] += score[sum]
    })
  }
  return total
}
