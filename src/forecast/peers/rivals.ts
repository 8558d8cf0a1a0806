import type { PointModel } from '../models/point-model.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from '../models/seasonal-naive.js'
import { averageAndTrend } from './average-and-trend.js'
import { hourlyProfile } from './hourly-profile.js'
import { oneStep } from './one-step.js'
import { periodicMaximum } from './periodic-maximum.js'

/** What needs no model. */
export const naiveModels: readonly PointModel[] = [persistence, seasonalNaiveDay, seasonalNaiveWeek]

/** How others forecast, in our reading of what they publish. */
export const peerModels: readonly PointModel[] = [hourlyProfile, periodicMaximum, oneStep, averageAndTrend]
