import type { PastBlocks, SlotShape } from './demand-forecast.js'
import type { Series } from './models/point-model.js'

const profileDays = 7

/**
 * How steps of a series shared their slots out in the week until slot `origin`: the mean of its days, each for itself and
 * a slot without demand evenly, or else the one burst of a quiet week would be its shape.
 */
export function learnShape(
  { values, observed, stepsPerDay }: Series,
  steps: Float32Array,
  firstSlot: number,
  origin: number,
  stepsPerSlot: number,
): SlotShape {
  const offset = values.length % stepsPerSlot
  const shares = new Float64Array(stepsPerDay)
  const end = origin * stepsPerSlot
  const days = Math.min(profileDays, Math.floor(end / stepsPerDay))
  for (let first = end - days * stepsPerDay; first < end; first += stepsPerSlot) {
    let sum = 0
    for (let step = first; step < first + stepsPerSlot; step++) sum += values[offset + step]!
    for (let step = first; step < first + stepsPerSlot; step++)
      shares[step % stepsPerDay]! += sum > 0 ? values[offset + step]! / sum : 1 / stepsPerSlot
  }
  for (let step = 0; step < stepsPerDay; step++) shares[step]! /= days
  let highest = 0
  for (let step = offset; step < offset + end; step++)
    if (observed[step] === 1) highest = Math.max(highest, values[step]!)
  return { shares, steps, firstSlot, origin, ceiling: 2 * highest }
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
  { shares, origin, steps: past, firstSlot, ceiling }: SlotShape,
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
    let most = 0
    for (let step = 0; step < stepsPerSlot; step++) {
      const usual = shares[thenOfDay + step]!
      const weight = usual > 0 ? (past[from + step]! / usual) * shares[now + step]! : 0
      if (first + step < end) steps[first + step] = weight
      sum += weight
      most = Math.max(most, weight)
    }
    const even = slots[slot]! / stepsPerSlot
    const peak = sum > 0 ? (slots[slot]! * most) / sum : 0
    // What one quiet hour did in a single step would lift a busy one beyond all that was seen.
    const evened = peak > ceiling && peak > even ? (peak - Math.max(ceiling, even)) / (peak - even) : 0
    for (let step = first; step < end; step++) {
      const amount = slots[slot]! * (sum > 0 ? steps[step]! / sum : shares[now + step - first]!)
      steps[step] = amount + evened * (even - amount)
    }
  }
  return steps
}
