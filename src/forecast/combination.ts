import { type OriginGrid, observedRows } from './origin-grid.js'
import type { RolledSeries, RowForecast } from './rolling-origin.js'

/**
 * Weights of models by row: each weighs by the inverse square of its mean absolute error over the blocks observed
 * before the row, so that a model that does badly on a workload fades out. Combining beats choosing the best one
 * (Bates and Granger 1969; Makridakis et al. 2020, M4).
 *
 * @returns weights that sum to one, at `row × models + model`
 */
export function weighModels(models: readonly RolledSeries[], grid: OriginGrid): Float64Array {
  const rows = grid.origins.length
  const weights = new Float64Array(rows * models.length)
  for (let row = 0; row < rows; row++) {
    const errors = models.map((model) => meanAbsoluteError(model, grid, row))
    const least = Math.min(...errors)
    // A model without error takes all; before anything was observed all weigh the same.
    const raw = errors.map((error) => (error === least ? 1 : (least / error) ** 2))
    const sum = raw.reduce((total, weight) => total + weight, 0)
    raw.forEach((weight, model) => {
      weights[row * models.length + model] = weight / sum
    })
  }
  return weights
}

function meanAbsoluteError(model: RolledSeries, grid: OriginGrid, row: number): number {
  const { first, ends } = observedRows(grid, row)
  let sum = 0
  let count = 0
  ends.forEach((end, day) => {
    for (let earlier = first; earlier < end; earlier++) {
      sum += model.absoluteErrors[earlier * grid.days + day]!
      count += model.observedPoints[earlier * grid.days + day]!
    }
  })
  return count === 0 ? 0 : sum / count
}

/** The weighted mean of forecasts. */
export function combine(forecasts: readonly RowForecast[], weights: Float64Array): RowForecast {
  return (row) => {
    const points = forecasts.map((forecast) => forecast(row))
    return points[0]!.map((_, lead) =>
      points.reduce((sum, point, model) => sum + weights[row * points.length + model]! * point[lead]!, 0),
    )
  }
}
