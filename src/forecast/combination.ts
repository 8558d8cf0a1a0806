import { type OriginGrid, observedRows } from './origin-grid.js'
import type { RolledSeries } from './rolling-origin.js'

/**
 * Weights of models for the forecast made at a row: each weighs by the inverse fourth power of its mean absolute error
 * over the blocks observed before the row, so that a model that does badly on a workload fades out. Combining beats
 * choosing the best one (Bates and Granger 1969; Makridakis et al. 2020, M4).
 *
 * @returns weights that sum to one
 */
export function weighModels(models: readonly RolledSeries[], grid: OriginGrid, row: number): number[] {
  const errors = models.map((model) => meanAbsoluteError(model, grid, row))
  const least = Math.min(...errors)
  // A model without error takes all; before anything was observed all weigh the same.
  const raw = errors.map((error) => (error === least ? 1 : (least / error) ** 4))
  const sum = raw.reduce((total, weight) => total + weight, 0)
  return raw.map((weight) => weight / sum)
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
