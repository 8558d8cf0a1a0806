import { analogs } from './analogs.js'
import { dampedGrowth } from './damped-growth.js'
import { doubleSeasonal } from './double-seasonal.js'
import { fourierRidge } from './fourier-ridge.js'
import { lastLevel, lastLevelOfDay } from './last-steps.js'
import { meanWeek } from './mean-week.js'
import type { PointModel, PooledModel } from './point-model.js'
import { transferredRidge } from './pooled-ridge.js'
import { pooledTrees } from './pooled-trees.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './seasonal-naive.js'
import { seasonalRidge } from './seasonal-ridge.js'
import { theta } from './theta.js'

/** The models that are combined, of one series each. */
export const pointModels: readonly PointModel[] = [
  seasonalRidge,
  fourierRidge,
  doubleSeasonal,
  dampedGrowth,
  theta,
  analogs,
  meanWeek,
  transferredRidge,
  seasonalNaiveDay,
  seasonalNaiveWeek,
  persistence,
]

/** Besides, where a series was summed from shorter steps. */
export const stepModels: readonly PointModel[] = [lastLevel, lastLevelOfDay]

/** The models that are combined, of all series at once. */
export const pooledModels: readonly PooledModel[] = [pooledTrees]
