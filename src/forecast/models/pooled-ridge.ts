import {
  createView,
  extendView,
  featureCount,
  featureLeads,
  type OriginKnowledge,
  observeView,
  plainFeatures,
  readOrigin,
  type SeasonalView,
  type Traits,
  traitsAt,
  writeFeatures,
  writeProducts,
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
    return forecaster('pooled-ridge', (traits) => straightDepartures(coefficients, traits))
  },
}

/** The same, without learning from the fleet: what series in general do. */
export const transferredRidge: PointModel = forecaster('transferred-ridge', (traits) =>
  straightDepartures(pooledPrior, traits),
)

export function fitFleet(fleet: readonly Series[], end: number): Float64Array[] {
  // Traits hardly change within one series: what depends on them only many series can tell.
  const columns = fleet.length < manySeries ? plainFeatures : featureCount
  return fitCoefficients(sampleOrigins(fleet, end, mostOrigins), end, pooledPrior, pull, columns)
}

/** Origins of all series before a step, about as many as asked for, at all hours alike. */
export function sampleOrigins(fleet: readonly Series[], end: number, most: number): OriginKnowledge[] {
  const hourly = fleet.filter(({ stepsPerDay }) => stepsPerDay === featureLeads)
  const all = hourly.length * Math.max(0, end - leastHours)
  let stride = Math.max(1, Math.ceil(all / most))
  // Prime to the day, so that all hours are met.
  while (stride > 1 && (stride % 2 === 0 || stride % 3 === 0)) stride++
  return hourly.flatMap((series, index) => {
    const view = createView(series, featureLeads)
    observeView(view, series, end)
    const origins: OriginKnowledge[] = []
    for (let origin = leastHours + (index % stride); origin < end; origin += stride) {
      const traits = traitsAt(view, origin)
      if (traits !== undefined) origins.push(readOrigin(view, origin, traits))
    }
    return origins
  })
}

/** Coefficients at the knots, pulled towards those of a prior; `columns` of them learn, the others stay. */
export function fitCoefficients(
  origins: readonly OriginKnowledge[],
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
    const targets = new Float64Array(rows.length)
    for (let row = 0; row < rows.length; row++) {
      const known = rows[row]!
      const { view, origin, traits } = known
      const base = writeFeatures(known, lead, features, 0)
      if (columns > plainFeatures) writeProducts(traits, features, 0)
      design.set(columns > plainFeatures ? features : features.subarray(0, columns), row * columns)
      targets[row] =
        view.roots[origin + lead]! / traits.scale - base - expectAt(prior[knot]!, features, traits)
    }
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

/**
 * What is expected beyond the base at a lead of an origin, given its plain features.
 * @param day whole days that the origin itself lies ahead of what was observed
 */
export type Departures = (features: Float64Array, lead: number, step: number, day: number) => number

// By lead: the knot below, and how far it is to the next one.
const places = Array.from({ length: featureLeads }, (_, lead) => {
  const above = Math.max(
    1,
    knots.findIndex((knot) => knot >= lead),
  )
  const [low, high] = [knots[above - 1]!, knots[above]!]
  return { below: above - 1, share: (lead - low) / (high - low) }
})

/** What coefficients expect of a series with these traits, between knots in proportion. */
export function straightDepartures(
  coefficients: readonly Float64Array[],
  { hourly, weekly }: Traits,
): Departures {
  const folded = coefficients.map((ofKnot) => {
    const plain = new Float64Array(plainFeatures)
    for (let feature = 0; feature < plainFeatures; feature++)
      plain[feature] = foldAt(ofKnot, feature, hourly, weekly)
    return plain
  })
  return (features, lead) => departureOf(folded, features, lead)
}

/** What the coefficients of one knot expect of plain features. */
function expectAt(ofKnot: Float64Array, features: Float64Array, { hourly, weekly }: Traits): number {
  let sum = 0
  for (let feature = 0; feature < plainFeatures; feature++)
    sum += foldAt(ofKnot, feature, hourly, weekly) * features[feature]!
  return sum
}

/** The coefficient of a plain feature, in a series with these traits. */
function foldAt(ofKnot: Float64Array, feature: number, hourly: number, weekly: number): number {
  return (
    ofKnot[feature]! +
    hourly * ofKnot[plainFeatures + feature]! +
    weekly * ofKnot[2 * plainFeatures + feature]!
  )
}

/** What coefficients expect at a lead of features of as many columns, between knots in proportion. */
export function departureOf(
  coefficients: readonly Float64Array[],
  features: Float64Array,
  lead: number,
): number {
  const { below, share } = places[lead]!
  return (1 - share) * dot(coefficients[below]!, features) + share * dot(coefficients[below + 1]!, features)
}

function dot(coefficients: Float64Array, features: Float64Array): number {
  let sum = 0
  for (let column = 0; column < coefficients.length; column++)
    sum += coefficients[column]! * features[column]!
  return sum
}

/** A model of hourly series that adds departures to what the last week lets expect. */
export function forecaster(name: string, departuresOf: (traits: Traits) => Departures): PointModel {
  return {
    name,
    fit: ({ stepsPerDay }, end) =>
      stepsPerDay === featureLeads && end >= leastHours ? predictWith(departuresOf) : undefined,
  }
}

function predictWith(departuresOf: (traits: Traits) => Departures): Predict {
  const viewAt = keepView()
  const features = new Float64Array(plainFeatures)
  return (series, origin, leads) => {
    const view = viewAt(series, origin, leads)
    const traits = traitsAt(view, origin)
    const point = new Float64Array(leads)
    if (traits === undefined) return point.fill(series.values[origin - 1]!)
    const departure = departuresOf(traits)
    let highest = 0
    for (let step = 0; step < origin; step++) highest = Math.max(highest, series.values[step]!)
    let known = readOrigin(view, origin, traits)
    for (let lead = 0; lead < leads; lead++) {
      const ahead = lead % featureLeads
      const step = origin + lead
      if (lead > 0 && ahead === 0) known = readOrigin(view, step, traits)
      const base = writeFeatures(known, ahead, features, 0)
      const root = Math.max(
        0,
        traits.scale * (base + departure(features, ahead, step, Math.floor(lead / featureLeads))),
      )
      point[lead] = Math.min(root ** 2, 2 * highest)
      extendView(view, step, point[lead]!)
    }
    return point
  }
}

/** The view of a series before an origin; from ascending origins of the same series it only grows. */
function keepView(): (series: Series, origin: number, leads: number) => SeasonalView {
  let last: { series: Series; room: number; view: SeasonalView } | undefined
  return (series, origin, leads) => {
    if (last?.series !== series || last.room < leads || last.view.end > origin)
      last = { series, room: leads, view: createView(series, leads) }
    observeView(last.view, series, origin)
    return last.view
  }
}
