import { secondsPerDay, secondsPerHour } from '../kit/units.js'
import type { Series } from './models/point-model.js'

/**
 * Steps of a slot, which is what models see: an hour. What happened in one step of minutes a day or a week ago is
 * mostly noise; on hours models are more accurate and cheaper. A step that is longer, or does not divide an hour, is a
 * slot itself.
 */
export function countStepsPerSlot(stepSeconds: number): number {
  return secondsPerHour % stepSeconds === 0 ? secondsPerHour / stepSeconds : 1
}

// Fewer steps are noise, more are the past.
const levelSeconds = 1800

/**
 * Sums steps to slots, counted back from the end so that the last one is complete. The level before each slot, and
 * after the last one, is that of the last half hour, an amount a slot.
 */
export function sumSlots({ values, observed, stepsPerDay }: Series, stepsPerSlot: number): Series {
  if (stepsPerSlot === 1) return { values, observed, stepsPerDay }
  const length = Math.floor(values.length / stepsPerSlot)
  const start = values.length - length * stepsPerSlot
  const slots = {
    values: new Float64Array(length),
    observed: new Uint8Array(length),
    stepsPerDay: stepsPerDay / stepsPerSlot,
    levels: new Float64Array(length + 1),
  }
  const levelSteps = Math.max(1, Math.round((levelSeconds * stepsPerDay) / secondsPerDay))
  for (let slot = 0; slot <= length; slot++) {
    const end = start + slot * stepsPerSlot
    const first = Math.max(0, end - levelSteps)
    for (let step = first; step < end; step++)
      slots.levels[slot]! += (values[step]! * stepsPerSlot) / (end - first)
  }
  for (let slot = 0; slot < length; slot++) {
    let seen = 0
    for (let step = start + slot * stepsPerSlot; step < start + (slot + 1) * stepsPerSlot; step++) {
      slots.values[slot]! += values[step]!
      seen += observed[step]!
    }
    if (2 * seen > stepsPerSlot) slots.observed[slot] = 1
  }
  return slots
}
