// Fits the constants of src/sizing/latency.ts to the public measured points, and says how well they carry over:
//   LLMSCALE_TEST_DATA=<folder> node --import tsx bench/fit-sizing.ts
// Each fold leaves one (model, GPU) pair out of the fit and predicts it. The printed constants are then rounded by hand.
import { quantile } from '../src/kit/statistics.js'
import { type LatencyConstants, latencyConstants } from '../src/sizing/latency.js'
import { openingBurstShare, predictPoint, readServingPoints, type ServingPoint } from './serving-points.js'

const folder = process.env['LLMSCALE_TEST_DATA']
if (folder === undefined)
  throw new Error('Set LLMSCALE_TEST_DATA to the folder of measured-serving-points.csv.gz.')
const { points } = readServingPoints(folder)

type Fitted = LatencyConstants & { burstShare: number }
type Name = keyof Fitted
// Taken as they are: memory and decode efficiency cannot be told from the overheads in these points, and the time of
// one all-reduce neither from that of a layer.
const itlNames: Name[] = [
  'layerSeconds',
  'activeExpertSeconds',
  'sequenceSeconds',
  'prefillComputeEfficiency',
  'expertPrefillEfficiency',
  'interconnectEfficiency',
]
const ttftNames: Name[] = ['prefillLayerSeconds', 'burstShare']

const groupOf = (point: ServingPoint) => `${point.model} on ${point.system}`

/** Robust loss on log errors; a pair's weight grows slowly with its number of points. */
function lossOf(training: ServingPoint[], of: 'itlSeconds' | 'ttftSeconds') {
  const counts = new Map<string, number>()
  for (const point of training) counts.set(groupOf(point), (counts.get(groupOf(point)) ?? 0) + 1)
  return ({ burstShare, ...constants }: Fitted) => {
    let loss = 0
    for (const point of training) {
      const error = Math.log(predictPoint(point, constants, burstShare)[of] / point[of])
      loss += counts.get(groupOf(point))! ** -0.25 * (Math.sqrt(1 + (error / 0.1) ** 2) - 1)
    }
    return loss
  }
}

/** Searches the logarithms along the axes, halving the stride when nothing improves. */
function search(start: Fitted, names: Name[], loss: (constants: Fitted) => number): Fitted {
  let best = start
  let lowest = loss(start)
  for (let stride = 0.4; stride > 0.02; stride /= 2) {
    for (let improved = true; improved; ) {
      improved = false
      for (const name of names) {
        for (const factor of [Math.exp(stride), Math.exp(-stride)]) {
          const value = best[name] * factor
          if (/Efficiency$/.test(name) && value > 1) continue
          const candidate = { ...best, [name]: value }
          const candidateLoss = loss(candidate)
          if (candidateLoss < lowest - 1e-6) [best, lowest, improved] = [candidate, candidateLoss, true]
        }
      }
    }
  }
  return best
}

const fitBoth = (training: ServingPoint[]) => {
  const start: Fitted = { ...latencyConstants, burstShare: openingBurstShare }
  const withItl = search(start, itlNames, lossOf(training, 'itlSeconds'))
  return search(withItl, ttftNames, lossOf(training, 'ttftSeconds'))
}
/** Measured ÷ predicted ITL, then TTFT. */
const ratiosOf = (tested: ServingPoint[], { burstShare, ...constants }: Fitted) =>
  (['itlSeconds', 'ttftSeconds'] as const).map((of) =>
    tested.map((point) => point[of] / predictPoint(point, constants, burstShare)[of]),
  )
const describe = (ratios: number[][]) =>
  ratios
    .map((values, index) => {
      const error = quantile(
        values.map((value) => Math.abs(1 / value - 1)),
        0.5,
      )
      const [low, high] = [quantile(values, 0.1), quantile(values, 0.9)]
      const name = ['ITL', 'TTFT'][index]
      return `${name} error ${(100 * error).toFixed(1)} %, measured ÷ predicted ${low.toFixed(2)} … ${high.toFixed(2)}`
    })
    .join('; ')

const all = fitBoth(points)
console.log(
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, Number(value.toPrecision(3))])),
)
console.log('Median error, and P10 … P90 of the ratio')
console.log(`fitted on all: ${describe(ratiosOf(points, all))}`)
const held: number[][] = [[], []]
for (const group of [...new Set(points.map(groupOf))].sort()) {
  const tested = points.filter((point) => groupOf(point) === group)
  const ratios = ratiosOf(tested, fitBoth(points.filter((point) => groupOf(point) !== group)))
  for (const [index, values] of ratios.entries()) held[index]!.push(...values)
  console.log(`  ${group} left out: ${describe(ratios)}`)
}
console.log(`each pair left out: ${describe(held)}`)
