import { lagsWithin } from './lags.js'
import type { PointModel, Predict, Series } from './point-model.js'
import { fitRobustRidge } from './robust-ridge.js'

const harmonics = 10
// In variances of the roots.
const penalty = 1
const halfLifeDays = 12.5

/**
 * Ridge regression of the square root of demand on the time of day (Fourier terms) and on its own lags; recent days
 * weigh more. Roots steady the noise of counts: a busy hour may miss by more than a quiet one. Recursive.
 */
export const fourierRidge: PointModel = {
  name: 'fourier-ridge',
  fit(series, end) {
    const lags = lagsWithin(end, series.stepsPerDay)
    return lags === undefined ? undefined : fitRoots(series, end, lags)
  },
}

function fitRoots(
  { values, observed, stepsPerDay: day }: Series,
  end: number,
  lags: number[],
): Predict | undefined {
  const rows: number[] = []
  for (let step = lags[lags.length - 1]!; step < end; step++) if (observed[step] === 1) rows.push(step)
  if (rows.length < 3 * lags.length) return undefined
  const roots = Float64Array.from(values.subarray(0, end), (value) => Math.sqrt(Math.max(0, value)))
  const mean = rows.reduce((sum, step) => sum + roots[step]!, 0) / rows.length
  const scale = Math.sqrt(rows.reduce((sum, step) => sum + (roots[step]! - mean) ** 2, 0) / rows.length)
  if (!(scale > 1e-9 * mean)) return undefined
  const terms = fourierTerms(day)
  const width = Math.min(2 * harmonics, day)
  const columns = lags.length + width + 1
  const design = new Float64Array(rows.length * columns)
  rows.forEach((step, row) => {
    const from = row * columns
    for (let i = 0; i < lags.length; i++) design[from + i] = (roots[step - lags[i]!]! - mean) / scale
    for (let i = 0; i < width; i++) design[from + lags.length + i] = terms[(step % day) * width + i]!
    design[from + columns - 1] = 1
  })
  const penalties = new Float64Array(columns).fill(penalty)
  penalties[columns - 1] = 0
  const coefficients = fitRobustRidge({
    columns,
    design,
    targets: Float64Array.from(rows, (step) => (roots[step]! - mean) / scale),
    weights: Float64Array.from(rows, (step) => 0.5 ** ((end - step) / day / halfLifeDays)),
    penalties,
  })
  return (later, origin, leads) => {
    const reach = lags[lags.length - 1]!
    const z = new Float64Array(reach + leads)
    for (let back = 1; back <= reach; back++)
      z[reach - back] = (Math.sqrt(Math.max(0, later.values[origin - back]!)) - mean) / scale
    let highest = 0
    for (let step = 0; step < origin; step++) highest = Math.max(highest, later.values[step]!)
    const ceiling = Math.sqrt(2 * highest)
    return Float64Array.from({ length: leads }, (_, lead) => {
      let sum = coefficients[columns - 1]!
      for (let i = 0; i < lags.length; i++) sum += coefficients[i]! * z[reach + lead - lags[i]!]!
      const phase = ((origin + lead) % day) * width
      for (let i = 0; i < width; i++) sum += coefficients[lags.length + i]! * terms[phase + i]!
      const root = Math.min(Math.max(0, mean + scale * sum), ceiling)
      z[reach + lead] = (root - mean) / scale
      return root ** 2
    })
  }
}

/** Sine and cosine of each harmonic by step of the day; a day of few steps has fewer harmonics. */
function fourierTerms(day: number): Float64Array {
  const width = Math.min(2 * harmonics, day)
  return Float64Array.from({ length: day * width }, (_, index) => {
    const angle = (2 * Math.PI * Math.floor(index / width) * (1 + ((index % width) >> 1))) / day
    return index % 2 === 0 ? Math.sin(angle) : Math.cos(angle)
  })
}
