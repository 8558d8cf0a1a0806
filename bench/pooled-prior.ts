import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { featureCount } from '../src/forecast/models/origin-features.js'
import { fitCoefficients, knots, sampleOrigins } from '../src/forecast/models/pooled-ridge.js'
import { readM4 } from './forecast-data.js'

// Learns the coefficients that the pooled ridge is pulled towards and writes src/forecast/models/pooled-prior.ts. Read
// are the training parts of M4 Hourly without their last eight days, on which models and weights are chosen.
const heldOutHours = 8 * 24
const hours = 700 - heldOutHours
const path = 'src/forecast/models/pooled-prior.ts'

const fleet = readM4().map(({ train }) => ({
  values: train.slice(-hours - heldOutHours, -heldOutHours),
  observed: new Uint8Array(hours).fill(1),
  stepsPerDay: 24,
}))
const nothing = knots.map(() => new Float64Array(featureCount))
const coefficients = fitCoefficients(sampleOrigins(fleet, hours, 8000), hours, nothing, 10, featureCount)
const rows = coefficients.map(
  (row) => `  [${Array.from(row, (value) => Math.round(1000 * value)).join(', ')}],`,
)
writeFileSync(
  path,
  `// Made by bench/pooled-prior.ts from the training parts of M4 Hourly (github.com/Mcompetitions/M4-methods).
const thousandths = [
${rows.join('\n')}
]

/** Coefficients of the pooled ridge by knot, as many hourly series without a name taught them. */
export const pooledPrior: readonly Float64Array[] = thousandths.map((row) =>
  Float64Array.from(row, (value) => value / 1000),
)
`,
)
execFileSync('npx', ['biome', 'check', '--write', path])
