import {
  extendView,
  featureCount,
  featureLeads,
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
const fleetFit = { pull: 100, mostRows: 5000 }

/**
 * Ridge regression of each lead on what is known at the origin, learned from all series of the fleet at once, each in
 * units of its own changes. It is pulled towards coefficients that many other hourly series left, so that a fleet of
 * one series with a week of history is forecast sensibly; its own data take over as they come.
 *
 * Of hourly series only: others it leaves to other models.
 */
export const pooledRidge: PooledModel = {
  name: 'pooled-ridge',
  fit: (fleet, end) => forecaster('pooled-ridge', fitCoefficients(fleet, end, pooledPrior, fleetFit)),
}

/** The same, without learning from the fleet: what series in general do. */
export const transferredRidge: PointModel = forecaster('transferred-ridge', pooledPrior)

/** Coefficients at the knots, pulled towards those of a prior. */
export function fitCoefficients(
  fleet: readonly Series[],
  end: number,
  prior: readonly Float64Array[],
  { pull, mostRows }: { pull: number; mostRows: number },
): Float64Array[] {
  const origins = fleet.flatMap((series) => {
    if (series.stepsPerDay !== featureLeads || end < leastHours) return []
    const view = viewSeries(series, end, featureLeads)
    return Array.from({ length: end - leastHours }, (_, index) => leastHours + index).flatMap((origin) => {
      const traits = traitsAt(view, origin)
      return traits === undefined ? [] : [{ view, origin, traits }]
    })
  })
  // A stride prime to the day meets all hours.
  const stride = Math.max(1, Math.ceil(origins.length / mostRows))
  const sparse = origins.filter(
    (_, index) => index % (stride % 2 === 0 || stride % 3 === 0 ? stride + 1 : stride) === 0,
  )
  return knots.map((lead, knot) => {
    const rows = sparse.filter(
      ({ origin, view }) => origin + lead < end && view.observed[origin + lead] === 1,
    )
    const design = new Float64Array(rows.length * featureCount)
    const targets = rows.map(({ view, origin, traits }, row) => {
      const base = writeFeatures(view, origin, lead, traits, design, row * featureCount)
      return view.roots[origin + lead]! / traits.scale - base - dot(prior[knot]!, design, row * featureCount)
    })
    if (rows.length < featureCount) return prior[knot]!
    const learned = fitRobustRidge({
      columns: featureCount,
      design,
      targets: Float64Array.from(targets),
      weights: new Float64Array(rows.length).fill(1),
      penalties: new Float64Array(featureCount).fill(pull),
    })
    return learned.map((coefficient, column) => coefficient + prior[knot]![column]!)
  })
}

function forecaster(name: string, coefficients: readonly Float64Array[]): PointModel {
  return {
    name,
    fit: ({ stepsPerDay }, end) =>
      stepsPerDay === featureLeads && end >= leastHours ? predictWith(coefficients) : undefined,
  }
}

function predictWith(coefficients: readonly Float64Array[]): Predict {
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
      point[lead] = Math.min(
        predictStep(coefficients, view, origin + lead - ahead, ahead, traits, features),
        2 * highest,
      )
      extendView(view, origin + lead, point[lead]!)
    }
    return point
  }
}

/** The amount at a lead of an origin. */
function predictStep(
  coefficients: readonly Float64Array[],
  view: SeasonalView,
  origin: number,
  lead: number,
  traits: Traits,
  features: Float64Array,
): number {
  const base = writeFeatures(view, origin, lead, traits, features, 0)
  const above = knots.findIndex((knot) => knot >= lead)
  const below = Math.max(0, above - 1)
  const share = above === below ? 0 : (lead - knots[below]!) / (knots[above]! - knots[below]!)
  const departure =
    (1 - share) * dot(coefficients[below]!, features, 0) + share * dot(coefficients[above]!, features, 0)
  return Math.max(0, traits.scale * (base + departure)) ** 2
}

function dot(coefficients: Float64Array, features: Float64Array, from: number): number {
  let sum = 0
  for (let column = 0; column < coefficients.length; column++)
    sum += coefficients[column]! * features[from + column]!
  return sum
}
