import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Autoscaler,
  replayAutoscaler,
  scoreReplay,
  spreadFloors,
} from '../../src/planning/replay-live.js'

const autoscaler: Autoscaler = {
  tickSeconds: 15,
  target: 0.8,
  metricSeconds: 15,
  coldStartSeconds: 120,
  stabilisationSeconds: 300,
  hardMaximum: 40,
}
const minute = 4
const floorsOf = (load: Float64Array, floor = 1) => new Float64Array(load.length).fill(floor)

/** So many ticks of each load. */
function loadOf(...parts: [ticks: number, replicas: number][]): Float64Array {
  return Float64Array.from(parts.flatMap(([ticks, replicas]) => Array<number>(ticks).fill(replicas)))
}

describe('the replay of an autoscaler', () => {
  it('has what the target asks for of a steady load, and nothing is late', () => {
    const load = loadOf([100, 8])
    const { ready, billed, late } = replayAutoscaler(load, floorsOf(load), autoscaler)
    expect(new Set(ready)).toEqual(new Set([10]))
    expect(billed).toEqual(ready)
    expect(late.every((value) => value === 0)).toBe(true)
  })

  it('answers a rise a cold start later, and pays from the request on; a floor in time has it ready', () => {
    const load = loadOf([20, 4], [40, 12])
    const { ready, billed, late } = replayAutoscaler(load, floorsOf(load), autoscaler)
    expect(ready[20 + 7]).toBe(5)
    expect(billed[21]).toBeGreaterThanOrEqual(10)
    expect(ready[20 + 8]).toBeGreaterThan(9)
    expect(late[22]).toBeGreaterThan(0)
    const floors = spreadFloors(
      [{ time: 11 * 15, floor: 12 }],
      { start: 0, tickSeconds: 15, ticksPerStep: 1, length: load.length },
      1,
    )
    const followed = replayAutoscaler(load, floors, autoscaler)
    expect(followed.ready[20]).toBe(12)
    expect(followed.late.every((value) => value === 0)).toBe(true)
  })

  it('goes down to the highest wish of the last five minutes, and bills the drain', () => {
    const load = loadOf([20, 16], [60, 4])
    const { ready, billed } = replayAutoscaler(load, floorsOf(load), autoscaler)
    expect(ready[20 + 5 * minute - 2]).toBe(20)
    expect(ready[20 + 5 * minute + 1]).toBe(5)
    expect(billed[20 + 5 * minute + 1]).toBe(20)
    expect(billed[20 + 6 * minute + 2]).toBe(5)
  })

  it('holds a floor that falls as it holds the trigger, unless floors are its minReplicas', () => {
    const load = loadOf([80, 4])
    const floors = loadOf([20, 20], [60, 1])
    const readyAt = (tick: number, floorsAreMinimum: boolean) =>
      replayAutoscaler(load, floors, { ...autoscaler, floorsAreMinimum }).ready[tick]
    expect([readyAt(19, false), readyAt(37, false), readyAt(42, false)]).toEqual([20, 20, 5])
    expect([readyAt(19, true), readyAt(22, true)]).toEqual([20, 5])
  })

  it('leaves differences within the tolerance, and scales nothing where the load is unknown', () => {
    const steady = loadOf([20, 8], [20, 8.6])
    expect(new Set(replayAutoscaler(steady, floorsOf(steady), autoscaler).ready)).toEqual(new Set([10]))
    const blind = loadOf([20, 8], [40, Number.NaN], [4, 8])
    const { ready, late } = replayAutoscaler(blind, floorsOf(blind), autoscaler)
    expect(ready[30]).toBeNaN()
    expect(late[30]).toBeNaN()
    expect(ready.at(-1)).toBe(10)
    const { replicaHours } = scoreReplay(blind, replayAutoscaler(blind, floorsOf(blind), autoscaler), 15)
    expect(replicaHours).toBeCloseTo((24 * 10 * 15) / 3600)
  })

  it('takes the youngest pending pods first', () => {
    const load = loadOf([20, 4], [2, 30], [40, 4])
    const { ready } = replayAutoscaler(load, floorsOf(load), { ...autoscaler, stabilisationSeconds: 15 })
    expect(Math.max(...ready.subarray(30))).toBeLessThan(12)
  })

  it('never passes its maximum, has its floor after a cold start, and is late by no more than comes', () => {
    const load = fc
      .array(fc.double({ min: 0, max: 60, noNaN: true }), { minLength: 60, maxLength: 120 })
      .map((values) => Float64Array.from(values))
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 50 }), (busy, floor) => {
        const { ready, billed, late } = replayAutoscaler(busy, floorsOf(busy, floor), autoscaler)
        for (const [tick, replicas] of ready.entries()) {
          expect(replicas).toBeLessThanOrEqual(Math.max(40, Math.ceil(busy[0]! / 0.8), floor))
          if (tick > 9) expect(replicas).toBeGreaterThanOrEqual(Math.min(floor, 40))
          expect(billed[tick]!).toBeGreaterThanOrEqual(replicas)
          expect(late[tick]!).toBeGreaterThanOrEqual(0)
          expect(late[tick]!).toBeLessThanOrEqual(busy[tick]!)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('is late no more often with a higher floor', () => {
    const load = fc
      .array(fc.double({ min: 0, max: 39, noNaN: true }), { minLength: 80, maxLength: 80 })
      .map((values) => Float64Array.from(values))
    fc.assert(
      fc.property(load, (busy) => {
        const lateOf = (floor: number) =>
          scoreReplay(busy, replayAutoscaler(busy, floorsOf(busy, floor), autoscaler), 15, [10, 80]).lateShare
        expect(lateOf(40)).toBe(0)
        expect(lateOf(1)).toBeGreaterThanOrEqual(lateOf(40))
      }),
      { numRuns: 40 },
    )
  })
})
