import { type Boosted, boostTrees } from './gradient-boosting.js'
import {
  featureCount,
  featureLeads,
  type OriginKnowledge,
  type Traits,
  writeFeatures,
  writeProducts,
} from './origin-features.js'
import type { PooledModel, Series } from './point-model.js'
import { departureOf, fitFleet, forecaster, sampleOrigins, straightDepartures } from './pooled-ridge.js'

const options = { trees: 50, rate: 0.2, leastRows: 50, rowShare: 0.5, columnShare: 0.5, seed: 1 }
const mostLeaves = 63
// Trees of a small fleet learn its noise: with fewer rows they stay smaller, with too few there are none.
const rowsPerLeaf = 1250
const leastLeaves = 8
const mostRows = 80_000
const leadsEach = 2
// Further ahead forecasts are made of forecasts: trees tell no more than straight lines, and cost most.
const treeDays = 2
const ridgeFeatures = 20
const columns = ridgeFeatures + 5

/**
 * Gradient-boosted trees on what the pooled ridge leaves, over all series of the fleet: where its straight lines do
 * not hold, such as near the start of a ramp.
 */
export const pooledTrees: PooledModel = {
  name: 'pooled-trees',
  fit(fleet, end) {
    const coefficients = fitFleet(fleet, end)
    const boosted = boostDepartures(fleet, end, coefficients)
    const row = new Float64Array(columns)
    return forecaster('pooled-trees', (traits) => {
      const straightAt = straightDepartures(coefficients, traits)
      return (features, lead, step, day) => {
        const straight = straightAt(features, lead, step, day)
        if (day >= treeDays) return straight
        writeRow(row, 0, features, lead, traits, step, straight)
        return straight + boosted(row, 0)
      }
    })
  },
}

/** Trees on what the ridge leaves. */
function boostDepartures(
  fleet: readonly Series[],
  end: number,
  coefficients: readonly Float64Array[],
): Boosted {
  const leaves = (rows: number) => Math.min(mostLeaves, Math.floor(rows / rowsPerLeaf))
  const origins = sampleOrigins(fleet, end, mostRows / leadsEach)
  if (leaves(origins.length * leadsEach) < leastLeaves) return () => 0
  const [design, targets] = learnRows(origins, end, coefficients)
  return boostTrees(design, targets, columns, { ...options, leaves: leaves(targets.length) })
}

/** What the ridge leaves at some leads of sampled origins: features, and targets in units of each series. */
function learnRows(
  origins: readonly OriginKnowledge[],
  end: number,
  coefficients: readonly Float64Array[],
): [Float64Array, Float64Array] {
  const design = new Float64Array(origins.length * leadsEach * columns)
  const targets: number[] = []
  const features = new Float64Array(featureCount)
  for (const [index, known] of origins.entries()) {
    const { view, origin, traits } = known
    for (let each = 0; each < leadsEach; each++) {
      // Leads in turn, so that all are met alike.
      const lead = (index * 5 + (each * featureLeads) / leadsEach) % featureLeads
      const step = origin + lead
      if (step >= end || view.observed[step] === 0) continue
      const base = writeFeatures(known, lead, features, 0)
      writeProducts(traits, features, 0)
      const straight = departureOf(coefficients, features, lead)
      writeRow(design, targets.length * columns, features, lead, traits, step, straight)
      targets.push(view.roots[step]! / traits.scale - base - straight)
    }
  }
  return [design.subarray(0, targets.length * columns), Float64Array.from(targets)]
}

function writeRow(
  out: Float64Array,
  at: number,
  features: Float64Array,
  lead: number,
  { hourly, weekly }: Traits,
  step: number,
  straight: number,
): void {
  for (let column = 0; column < ridgeFeatures; column++) out[at + column] = features[column]!
  out[at + ridgeFeatures] = lead
  out[at + ridgeFeatures + 1] = hourly
  out[at + ridgeFeatures + 2] = weekly
  out[at + ridgeFeatures + 3] = step % featureLeads
  out[at + ridgeFeatures + 4] = straight
}
