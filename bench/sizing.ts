// Predicted ÷ measured ITL and TTFT over public measured points, beside a plain roofline in the same run:
//   LLMSCALE_TEST_DATA=<folder> node --import tsx bench/sizing.ts
import { quantile } from '../src/kit/statistics.js'
import { idealLatency, latencyConstants } from '../src/sizing/latency.js'
import { predictPoint, readServingPoints, type ServingPoint } from './serving-points.js'

const folder = process.env['LLMSCALE_TEST_DATA']
if (folder === undefined)
  throw new Error('Set LLMSCALE_TEST_DATA to the folder of measured-serving-points.csv.gz.')
const { points, leftOut } = readServingPoints(folder)
const total = points.length + [...leftOut.values()].reduce((sum, count) => sum + count, 0)
console.log(`${points.length} of ${total} points`)
for (const [reason, count] of leftOut) console.log(`  left out: ${count} ${reason}`)

const ratios = (of: ServingPoint[], constants = latencyConstants) => {
  const predicted = of.map((point) => predictPoint(point, constants))
  return {
    itl: of.map((point, index) => predicted[index]!.itlSeconds / point.itlSeconds),
    ttft: of.map((point, index) => predicted[index]!.ttftSeconds / point.ttftSeconds),
  }
}
const describe = (values: number[]) => {
  const errors = values.map((value) => Math.abs(value - 1))
  const cells = [0.1, 0.5, 0.9].map((share) => quantile(values, share).toFixed(2).padStart(6))
  return `${cells.join('')}   ${(100 * quantile(errors, 0.5)).toFixed(0).padStart(3)} %`
}
const row = (name: string, of: ServingPoint[], constants = latencyConstants) => {
  const { itl, ttft } = ratios(of, constants)
  console.log(`${name.padEnd(34)}${String(of.length).padStart(5)} ${describe(itl)}   ${describe(ttft)}`)
}

console.log(
  'The constants were fitted to these points; bench/fit-sizing.ts leaves models and GPUs out in turn.',
)
console.log(`\n${''.padEnd(39)}  ITL predicted ÷ measured    TTFT predicted ÷ measured`)
console.log(`${''.padEnd(39)}    P10   P50   P90  error      P10   P50   P90  error`)
row('llmscale', points)
row('plain roofline', points, idealLatency)
for (const key of ['model', 'system', 'backend'] as const) {
  for (const value of [...new Set(points.map((point) => point[key]))].sort()) {
    row(
      `  ${value}`,
      points.filter((point) => point[key] === value),
    )
  }
}
