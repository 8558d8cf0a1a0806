import { dampedGrowth } from './damped-growth.js'
import { doubleSeasonal } from './double-seasonal.js'
import { fourierRidge } from './fourier-ridge.js'
import type { PointModel, PooledModel } from './point-model.js'
import { transferredRidge } from './pooled-ridge.js'
import { pooledTrees } from './pooled-trees.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './seasonal-naive.js'
import { seasonalRidge } from './seasonal-ridge.js'

/** The models that are combined, of one series each. */
export const pointModels: readonly PointModel[] = [
  seasonalRidge,
  fourierRidge,
  doubleSeasonal,
  dampedGrowth,
  transferredRidge,
  seasonalNaiveDay,
  seasonalNaiveWeek,
  persistence,
]

/** The models that are combined, of all series at once. */
export const pooledModels: readonly PooledModel[] = [pooledTrees]
