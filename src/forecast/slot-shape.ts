import type { PastBlocks, SlotShape } from './demand-forecast.js'
import type { Series } from './models/point-model.js'

const profileDays = 7

/** How steps of a series shared their slots out until slot `origin`. */
export function learnShape(
  { values, stepsPerDay }: Series,
  steps: Float32Array,
  firstSlot: number,
  origin: number,
  stepsPerSlot: number,
): SlotShape {
  const offset = values.length % stepsPerSlot
  const shares = new Float64Array(stepsPerDay)
  const end = origin * stepsPerSlot
  for (let step = Math.max(0, end - profileDays * stepsPerDay); step < end; step++)
    shares[step % stepsPerDay]! += values[offset + step]!
  for (let first = 0; first < stepsPerDay; first += stepsPerSlot) {
    let sum = 0
    for (let step = first; step < first + stepsPerSlot; step++) sum += shares[step]!
    for (let step = first; step < first + stepsPerSlot; step++)
      shares[step] = sum > 0 ? shares[step]! / sum : 1 / stepsPerSlot
  }
  return { shares, steps, firstSlot, origin }
}

/** Shares slots out by the mean shape of the day. */
export function shareOut(
  slots: Float64Array,
  { shares, origin }: SlotShape,
  stepsPerSlot: number,
  length: number,
) {
  const steps = new Float64Array(length)
  for (let step = 0; step < length; step++)
    steps[step] =
      slots[Math.floor(step / stepsPerSlot)]! * shares[(origin * stepsPerSlot + step) % shares.length]!
  return steps
}

/**
 * Shares slots out as the steps of a past origin did, against the mean shape of its time of day. The steps of a slot
 * add up to it.
 */
export function followShape(
  slots: Float64Array,
  { shares, origin, steps: past, firstSlot }: SlotShape,
  { origins, sources }: PastBlocks,
  row: number,
  stepsPerSlot: number,
  length: number,
): Float64Array {
  const steps = new Float64Array(length)
  const stepsPerDay = shares.length
  for (let slot = 0; slot < slots.length; slot++) {
    const first = slot * stepsPerSlot
    const end = Math.min(first + stepsPerSlot, length)
    const now = (origin * stepsPerSlot + first) % stepsPerDay
    const then = (origins[row]! + sources[slot]!) * stepsPerSlot
    const thenOfDay = then % stepsPerDay
    const from = then - firstSlot * stepsPerSlot
    let sum = 0
    for (let step = 0; step < stepsPerSlot; step++) {
      const usual = shares[thenOfDay + step]!
      const weight = usual > 0 ? (past[from + step]! / usual) * shares[now + step]! : 0
      if (first + step < end) steps[first + step] = weight
      sum += weight
    }
    for (let step = first; step < end; step++)
      steps[step] = slots[slot]! * (sum > 0 ? steps[step]! / sum : shares[now + step - first]!)
  }
  return steps
}
