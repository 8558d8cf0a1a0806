import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Load } from '../../src/planning/load.js'
import {
  breachShare,
  compareCapacity,
  reactiveReplicas,
  readyReplicas,
} from '../../src/planning/ready-capacity.js'

const demand = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 })
const reaction = fc.record({
  lagTicks: fc.nat(10),
  target: fc.constantFrom(0.5, 0.7, 0.9, 1),
  minReplicas: fc.nat(3),
  hardMaximum: fc.integer({ min: 3, max: 15 }),
})

function loadOf(replicas: readonly number[]): Load {
  return { replicas: Float64Array.from(replicas), requests: Float64Array.from(replicas, (each) => each * 10) }
}

describe('ready capacity', () => {
  it('is the recursion of the design, and its breaches are those of a brute-force replay', () => {
    fc.assert(
      fc.property(demand, reaction, fc.nat(12), (values, settings, floor) => {
        const load = loadOf(values)
        const ready = readyReplicas(
          reactiveReplicas(load.replicas, settings),
          new Float64Array(values.length).fill(floor),
        )
        let breached = 0
        let requests = 0
        for (let tick = 0; tick < values.length; tick++) {
          const seen = values[Math.max(0, tick - settings.lagTicks)]!
          const wanted = Math.min(settings.hardMaximum, Math.ceil(seen / settings.target - 1e-9))
          const expected = Math.max(floor, settings.minReplicas, wanted)
          expect(ready[tick]).toBe(expected)
          requests += values[tick]! * 10
          if (expected < values[tick]!) breached += values[tick]! * 10
        }
        expect(breachShare(compareCapacity(load, ready))).toBeCloseTo(
          requests > 0 ? breached / requests : 0,
          9,
        )
      }),
    )
  })

  it('breaches less often the higher the floor, and never where the floor covers demand', () => {
    fc.assert(
      fc.property(demand, reaction, (values, settings) => {
        const load = loadOf(values)
        const reactive = reactiveReplicas(load.replicas, settings)
        let last = Number.POSITIVE_INFINITY
        for (let floor = 0; floor <= 20; floor++) {
          const share = breachShare(
            compareCapacity(load, readyReplicas(reactive, new Float64Array(values.length).fill(floor))),
          )
          expect(share).toBeLessThanOrEqual(last)
          last = share
        }
        expect(last).toBe(0)
      }),
    )
  })

  it('does not count masked ticks', () => {
    const load = loadOf([4, Number.NaN, 4])
    const { requests, breachedRequests } = compareCapacity(load, Float64Array.of(5, 0, 3))
    expect({ requests, breachedRequests }).toEqual({ requests: 80, breachedRequests: 40 })
  })
})
