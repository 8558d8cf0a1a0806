import { isNamed, type Workload } from '../kit/workload.js'
import type { Covariate } from '../metrics/demand-history.js'
import { compareLosses } from './backtest/skill.js'
import { bridgeGaps } from './bridge.js'
import { combineRow, weighModels } from './combination.js'
import type { CovariateUse } from './demand-forecast.js'
import { sumSlots } from './hourly.js'
import { covariateRidge } from './models/covariate-ridge.js'
import type { Series } from './models/point-model.js'
import type { OriginGrid } from './origin-grid.js'
import { type Member, type RolledPoints, windowStart } from './rolling-origin.js'
import { scoredRows } from './score.js'

export interface CovariateMember extends Member {
  covariate: string
}

/** One more model of a workload for each covariate that may tell of its demand. */
export function listCovariateMembers(
  covariates: readonly Covariate[] | undefined,
  workload: Workload,
  stepsPerDay: number,
  stepsPerSlot: number,
): CovariateMember[] {
  const own = (covariates ?? []).filter(
    ({ workloads, values }) =>
      (workloads === undefined || isNamed(workload, workloads)) && values.some(Number.isFinite),
  )
  return own.map(({ name, values }) => {
    const steps = bridgeGaps(values, new Uint8Array(values.length), stepsPerDay)
    const slots = sumSlots(steps, stepsPerSlot)
    return {
      name: `covariate-ridge of ${name}`,
      covariate: name,
      leastDays: 7,
      learn: (end) => covariateRidge(slots.values.subarray(windowStart(end, slots.stepsPerDay))),
    }
  })
}

/**
 * What each covariate was worth on the scored days before each row that is asked for: errors of the combination
 * against those of the combination without its model, each over the hours until the next row. Days are compared.
 * @param members rolled; those of `informed` come last
 * @param madeAt what the combination of all of them said at a past row
 */
export function judgeCovariates(
  members: readonly RolledPoints[],
  informed: readonly CovariateMember[],
  madeAt: (row: number) => Float64Array,
  slots: Series,
  grid: OriginGrid,
): CovariateUse[][] {
  const first = members.length - informed.length
  const without = informed.map((_, index) => {
    const others = members.filter((_, member) => member !== first + index)
    const weights = weighModels(others, slots, grid)
    return (row: number) => combineRow(others, weights, row)
  })
  return grid.asked.map((row) => {
    const days = scoredRows(grid, row)
    const lossesOf = (said: (row: number) => Float64Array) =>
      days.map((day) => sumDayErrors(said, slots, grid, day))
    const own = lossesOf(madeAt)
    return informed.map(({ covariate }, index) => ({
      name: covariate,
      ...compareLosses(own, lossesOf(without[index]!)),
    }))
  })
}

/** Absolute errors over a day from a row on, each hour as the last row before it was forecast. */
function sumDayErrors(
  said: (row: number) => Float64Array,
  { values, observed }: Series,
  { origins, rowsPerDay }: OriginGrid,
  row: number,
): number {
  let sum = 0
  for (let each = row; each < row + rowsPerDay; each++) {
    const point = said(each)
    for (let slot = origins[each]!; slot < origins[each + 1]!; slot++)
      if (observed[slot] === 1) sum += Math.abs(values[slot]! - point[slot - origins[each]!]!)
  }
  return sum
}
