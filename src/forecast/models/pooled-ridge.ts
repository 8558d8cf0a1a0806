import {
  extendView,
  featureCount,
  featureLeads,
  plainFeatures,
  type SeasonalView,
  type Traits,
  traitsAt,
  viewSeries,
  writeFeatures,
} from './origin-features.js'
import type { PointModel, PooledModel, Predict, Series } from './point-model.js'
import { pooledPrior } from './pooled-prior.js'
import { fitRobustRidge } from './robust-ridge.js'

/** Leads with coefficients of their own; between them they are interpolated. */
export const knots = [0, 1, 2, 3, 5, 8, 12, 16, 20, 23] as const
const leastHours = 48
// A fleet has few rows beside the many series of the prior, and they are alike.
const pull = 200
const mostOrigins = 5000
const leastRows = 3 * featureCount
const manySeries = 8

/**
 * Ridge regression of each lead on what is known at the origin, learned from all series of the fleet at once, each in
 * units of its own changes. It is pulled towards coefficients that many other hourly series left, so that a fleet of
 * one series with a week of history is forecast sensibly; its own data take over as they come.
 *
 * Of hourly series only: others it leaves to other models.
 */
export const pooledRidge: PooledModel = {
  name: 'pooled-ridge',
  fit(fleet, end) {
    const coefficients = fitFleet(fleet, end)
    return forecaster('pooled-ridge', (features, lead) => departureOf(coefficients, features, 0, lead))
  },
}

/** The same, without learning from the fleet: what series in general do. */
export const transferredRidge: PointModel = forecaster('transferred-ridge', (features, lead) =>
  departureOf(pooledPrior, features, 0, lead),
)

export function fitFleet(fleet: readonly Series[], end: number): Float64Array[] {
  // Traits hardly change within one series: what depends on them only many series can tell.
  const columns = fleet.length < manySeries ? plainFeatures : featureCount
  return fitCoefficients(sampleOrigins(fleet, end, mostOrigins), end, pooledPrior, pull, columns)
}

/** An origin to learn from. */
export interface LearningOrigin {
  view: SeasonalView
  origin: number
  traits: Traits
}

/** Origins of all series before a step, about as many as asked for, at all hours alike. */
export function sampleOrigins(fleet: readonly Series[], end: number, most: number): LearningOrigin[] {
  const hourly = fleet.filter(({ stepsPerDay }) => stepsPerDay === featureLeads)
  const all = hourly.length * Math.max(0, end - leastHours)
  let stride = Math.max(1, Math.ceil(all / most))
  // Prime to the day, so that all hours are met.
  while (stride > 1 && (stride % 2 === 0 || stride % 3 === 0)) stride++
  return hourly.flatMap((series, index) => {
    const view = viewSeries(series, end, featureLeads)
    const origins: LearningOrigin[] = []
    for (let origin = leastHours + (index % stride); origin < end; origin += stride) {
      const traits = traitsAt(view, origin)
      if (traits !== undefined) origins.push({ view, origin, traits })
    }
    return origins
  })
}

/** Coefficients at the knots, pulled towards those of a prior; `columns` of them learn, the others stay. */
export function fitCoefficients(
  origins: readonly LearningOrigin[],
  end: number,
  prior: readonly Float64Array[],
  pull: number,
  columns: number,
): Float64Array[] {
  const features = new Float64Array(featureCount)
  return knots.map((lead, knot) => {
    const rows = origins.filter(
      ({ origin, view }) => origin + lead < end && view.observed[origin + lead] === 1,
    )
    if (rows.length < leastRows) return prior[knot]!
    const design = new Float64Array(rows.length * columns)
    const targets = Float64Array.from(rows, ({ view, origin, traits }, row) => {
      const base = writeFeatures(view, origin, lead, traits, features, 0)
      design.set(features.subarray(0, columns), row * columns)
      return view.roots[origin + lead]! / traits.scale - base - dot(prior[knot]!, features, 0)
    })
    const learned = fitRobustRidge({
      columns,
      design,
      targets,
      weights: new Float64Array(rows.length).fill(1),
      penalties: new Float64Array(columns).fill(pull),
      reweightings: 1,
    })
    return prior[knot]!.map((coefficient, column) => coefficient + (learned[column] ?? 0))
  })
}

/** What the coefficients expect beyond the base of a lead, in units of the series' scale. */
export function departureOf(
  coefficients: readonly Float64Array[],
  features: Float64Array,
  at: number,
  lead: number,
): number {
  const above = knots.findIndex((knot) => knot >= lead)
  const below = Math.max(0, above - 1)
  const share = above === below ? 0 : (lead - knots[below]!) / (knots[above]! - knots[below]!)
  return (
    (1 - share) * dot(coefficients[below]!, features, at) + share * dot(coefficients[above]!, features, at)
  )
}

function dot(coefficients: Float64Array, features: Float64Array, from: number): number {
  let sum = 0
  for (let column = 0; column < coefficients.length; column++)
    sum += coefficients[column]! * features[from + column]!
  return sum
}

/** What is expected beyond the base at a lead of an origin, given its features and traits. */
export type Departure = (features: Float64Array, lead: number, traits: Traits, step: number) => number

/** A model of hourly series that adds departures to what the last week lets expect. */
export function forecaster(name: string, departure: Departure): PointModel {
  return {
    name,
    fit: ({ stepsPerDay }, end) =>
      stepsPerDay === featureLeads && end >= leastHours ? predictWith(departure) : undefined,
  }
}

function predictWith(departure: Departure): Predict {
  return (series, origin, leads) => {
    const view = viewSeries(series, origin, leads)
    const traits = traitsAt(view, origin)
    const point = new Float64Array(leads)
    if (traits === undefined) return point.fill(series.values[origin - 1]!)
    let highest = 0
    for (let step = 0; step < origin; step++) highest = Math.max(highest, series.values[step]!)
    const features = new Float64Array(featureCount)
    for (let lead = 0; lead < leads; lead++) {
      const ahead = lead % featureLeads
      const step = origin + lead
      const base = writeFeatures(view, step - ahead, ahead, traits, features, 0)
      const root = Math.max(0, traits.scale * (base + departure(features, ahead, traits, step)))
      point[lead] = Math.min(root ** 2, 2 * highest)
      extendView(view, step, point[lead]!)
    }
    return point
  }
}
