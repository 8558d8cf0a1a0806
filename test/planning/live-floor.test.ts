import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/kit/random.js'
import { parseInstant } from '../../src/kit/time.js'
import { secondsPerDay } from '../../src/kit/units.js'
import {
  createLiveFloor,
  fitLiveFloor,
  forecastLiveFloor,
  type LiveSettings,
  liveQuantiles,
  raiseFloor,
} from '../../src/planning/live-floor.js'
import { decideFloors } from '../../src/planning/replay-live.js'

const grid = { start: parseInstant('2026-03-02T00:00:00Z')!, stepSeconds: 600 }
const stepsPerDay = secondsPerDay / grid.stepSeconds
const days = 16
const settings: LiveSettings = {
  coldStartSeconds: 600,
  everySeconds: 300,
  quantile: 0.95,
  maximum: 30,
  hardMaximum: 40,
}

/** Replicas busy: a day with a ramp at eight, noise, and a gap. */
function synthesizeLoad(seed: number, gap = 0): Float64Array {
  const random = createRandom(seed)
  return Float64Array.from({ length: days * stepsPerDay }, (_, step) => {
    const hour = (24 * (step % stepsPerDay)) / stepsPerDay
    if (step >= 9 * stepsPerDay && step < 9 * stepsPerDay + gap) return Number.NaN
    return (hour >= 8 && hour < 18 ? 12 : 3) * Math.exp(0.1 * random.normal())
  })
}

const load = synthesizeLoad(1, 20)
const liveFloor = createLiveFloor(load, grid, settings)
const anyStep = fc.integer({ min: 8 * stepsPerDay, max: days * stepsPerDay })

describe('the live floor', () => {
  it('is never below the template and never above its maxima, whatever is forecast', () => {
    const count = fc.nat(60)
    fc.assert(
      fc.property(count, fc.oneof(count, fc.constant(Number.NaN)), count, count, (template, live, a, b) => {
        const floor = raiseFloor(template, live, { maximum: a, hardMaximum: b })
        expect(floor).toBeGreaterThanOrEqual(template)
        expect(floor).toBeLessThanOrEqual(Math.max(template, Math.min(a, b)))
        if (Number.isNaN(live)) expect(floor).toBe(template)
      }),
    )
  })

  it('rises with the quantile', () => {
    const model = fitLiveFloor(load, grid, 14 * stepsPerDay, settings)
    const quantile = fc.double({ min: 0.4, max: 0.999, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: stepsPerDay }), quantile, quantile, (step, a, b) => {
        const floorAt = (q: number) => forecastLiveFloor(model, load, grid, 14 * stepsPerDay + step, q).floor
        expect(floorAt(Math.max(a, b))).toBeGreaterThanOrEqual(floorAt(Math.min(a, b)))
      }),
    )
    const { quantiles } = forecastLiveFloor(model, load, grid, 14 * stepsPerDay + 60, 0.95)
    expect(quantiles).toHaveLength(liveQuantiles.length)
    expect([...quantiles]).toEqual([...quantiles].sort((a, b) => a - b))
  })

  it('does not change with what comes later', () => {
    fc.assert(
      fc.property(anyStep, fc.double({ min: 0, max: 100, noNaN: true }), (now, value) => {
        const changed = load.slice().fill(value, now)
        expect(createLiveFloor(changed, grid, settings)(now)).toEqual(liveFloor(now))
        expect(createLiveFloor(load.slice(0, now), grid, settings)(now)).toEqual(liveFloor(now))
      }),
      { numRuns: 4 },
    )
  })

  it('is the same after a restart, and wherever the history begins that is 14 days or more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 15 * stepsPerDay, max: days * stepsPerDay }),
        fc.nat(stepsPerDay),
        (now, cut) => {
          const later = { ...grid, start: grid.start + cut * grid.stepSeconds }
          const restarted = createLiveFloor(load.subarray(cut), later, settings)
          expect(restarted(now - cut)).toEqual(liveFloor(now))
        },
      ),
      { numRuns: 4 },
    )
  })

  it('is the same whenever it is asked within a step', () => {
    const from = grid.start + 14 * secondsPerDay + 7 * 3600
    const every = (everySeconds: number) =>
      decideFloors(load, grid, { ...settings, everySeconds }, () => 1, { from, until: from + 7200 })
    const decisions = every(60)
    for (const { time, floor } of decisions) {
      const atStep = decisions.find((other) => other.time === Math.floor(time / 600) * 600)!
      expect(floor).toBe(atStep.floor)
    }
  })

  it('is ready for a ramp that recurs before it begins, and stands lower at night', () => {
    const at = (hour: number) => liveFloor(14 * stepsPerDay + (hour * stepsPerDay) / 24).floor
    expect(at(8)).toBeGreaterThanOrEqual(12)
    expect(at(4)).toBeLessThan(6)
  })

  it('is the template where nothing was observed in the last hour', () => {
    const blind = load.slice().fill(Number.NaN, 14 * stepsPerDay, 14 * stepsPerDay + 12)
    const { floor } = createLiveFloor(blind, grid, settings)(14 * stepsPerDay + 10)
    expect(floor).toBeNaN()
    expect(raiseFloor(7, floor, settings)).toBe(7)
  })

  it('stays with the load of the last quarter of an hour without a history', () => {
    const { floor } = createLiveFloor(load.subarray(0, 3), grid, settings)(3)
    expect(floor).toBe(Math.ceil((load[1]! + load[2]!) / 2))
  })
})
