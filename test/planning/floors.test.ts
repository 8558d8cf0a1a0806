import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/kit/time.js'
import { type FloorTemplate, maximumFloorWindows } from '../../src/planning/capacity-plan.js'
import { chooseFloorLevels, countWindows, unfoldDays } from '../../src/planning/floor-levels.js'
import {
  createFloorTemplate,
  floorReplicaHours,
  requestedFloors,
  tickFloors,
} from '../../src/planning/floor-template.js'
import { type FloorCosts, sumFloorCosts } from '../../src/planning/newsvendor.js'
import { slotsPerWeek } from '../../src/planning/week.js'

const price = { idleUsdPerReplicaHour: 2, shortfallUsdPerReplicaHour: 38 }

describe('newsvendor costs', () => {
  // The definition, spelt out: idle and missing replicas of max(reactive, floor) less those of reactive alone.
  function bruteForce(load: number[], reactive: number[], floor: number): number {
    const cost = (ready: number, demand: number) =>
      Math.max(0, ready - demand) * price.idleUsdPerReplicaHour +
      Math.max(0, demand - ready) * price.shortfallUsdPerReplicaHour
    return load.reduce(
      (sum, demand, tick) =>
        sum + cost(Math.max(reactive[tick]!, floor), demand) - cost(reactive[tick]!, demand),
      0,
    )
  }

  it('equal idle plus shortfall of floor + reactive less that of reactive alone', () => {
    const tick = fc.record({ demand: fc.double({ min: 0, max: 12, noNaN: true }), reactive: fc.nat(10) })
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 40 }), (ticks) => {
        const load = ticks.map(({ demand }) => demand)
        const reactive = ticks.map((each) => each.reactive)
        const sum = sumFloorCosts(price, 9, 3600, 1)
        sum.add(Float64Array.from(load), Float64Array.from(reactive), new Int16Array(load.length))
        const { usd, levels } = sum.total()
        for (let floor = 0; floor < levels; floor++)
          expect(usd[floor]!).toBeCloseTo(bruteForce(load, reactive, floor), 6)
      }),
    )
  })

  it('give the critical ratio where nothing reacts: the smallest floor that covers demand that often', () => {
    const demand = Array.from({ length: 200 }, (_, path) => Math.ceil((path + 1) / 10)) // 1 … 20, evenly
    const sum = sumFloorCosts(price, 30, 900, demand.length)
    for (const replicas of demand) sum.add(Float64Array.of(replicas), Float64Array.of(0), Int16Array.of(5))
    const { usd, levels } = sum.total()
    const slot = usd.subarray(5 * levels, 6 * levels)
    const best = slot.indexOf(Math.min(...slot))
    expect(best).toBe(19) // q = 38 / 40 = 0.95 of twenty equal values
  })
})

/** Costs that are least at a wanted level of each slot. */
function costsFor(wanted: (slot: number) => number, levels: number): FloorCosts {
  const usd = new Float64Array(slotsPerWeek * levels)
  for (let slot = 0; slot < slotsPerWeek; slot++) {
    for (let floor = 0; floor < levels; floor++)
      usd[slot * levels + floor] = Math.abs(floor - wanted(slot)) * 5
  }
  return { usd, levels, reactiveUsd: 0 }
}

describe('floor levels', () => {
  it('find one daily profile where all days are alike', () => {
    const wanted = (slot: number) => (slot % 96 >= 32 && slot % 96 < 72 ? 8 : 2)
    const levels = chooseFloorLevels(costsFor(wanted, 12), 1, 0.1, maximumFloorWindows)
    expect(levels.days).toHaveLength(1)
    expect([...unfoldDays(levels)]).toEqual(Array.from({ length: slotsPerWeek }, (_, slot) => wanted(slot)))
  })

  it('tell the weekend from the week', () => {
    const wanted = (slot: number) => (slot < 5 * 96 && slot % 96 >= 32 && slot % 96 < 72 ? 8 : 2)
    const levels = chooseFloorLevels(costsFor(wanted, 12), 1, 0.1, maximumFloorWindows)
    expect(levels.days).toHaveLength(2)
    expect([...unfoldDays(levels)]).toEqual(Array.from({ length: slotsPerWeek }, (_, slot) => wanted(slot)))
  })

  it('never need more windows than allowed, nor go below the minimum', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(9), { minLength: 96, maxLength: 96 }),
        fc.integer({ min: 1, max: 24 }),
        (day, most) => {
          const levels = chooseFloorLevels(
            costsFor((slot) => day[slot % 96]!, 10),
            1,
            0.5,
            most,
          )
          expect(countWindows(levels.levels)).toBeLessThanOrEqual(most)
          expect(Math.min(...levels.levels)).toBeGreaterThanOrEqual(1)
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('floor template', () => {
  const everyDay = [[0, 1, 2, 3, 4, 5, 6]]

  it('asks for a rise one cold start early and lets go when demand does', () => {
    const levels = Int16Array.from({ length: 96 }, (_, slot) => (slot >= 32 && slot < 72 ? 8 : 2))
    const template = createFloorTemplate({ days: everyDay, levels, usd: 0 }, 330)
    expect(template).toEqual({
      minReplicas: 2,
      windows: [
        { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '07:54', to: '18:00', replicas: 8 },
      ],
      exceptions: [],
    })
  })

  it('is one window over midnight where every day is alike', () => {
    const levels = Int16Array.from({ length: 96 }, (_, slot) => (slot < 8 || slot >= 88 ? 5 : 1))
    const { windows } = createFloorTemplate({ days: everyDay, levels, usd: 0 }, 300)
    expect(windows).toHaveLength(1)
    expect(windows[0]).toMatchObject({ from: '21:55', to: '02:00', replicas: 5 })
  })

  it('is two windows where it lasts a day or more: clock times alone could not tell it from minutes', () => {
    const levels = Int16Array.from({ length: 192 }, (_, slot) => (slot < 96 ? 5 : 1))
    const week = {
      days: [
        [0, 1, 2, 3, 4],
        [5, 6],
      ],
      levels,
      usd: 0,
    }
    const template = createFloorTemplate(week, 330)
    expect(template.windows).toEqual([
      { days: ['mon', 'tue', 'wed', 'thu', 'sun'], from: '23:54', to: '24:00', replicas: 5 },
      { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '00:00', to: '24:00', replicas: 5 },
    ])
    expect(floorReplicaHours(template)).toBeCloseTo(5 * 120.1 + 47.9, 6)
    expect(countWindows(levels)).toBe(2)
  })

  it('starts before midnight on the day before', () => {
    const levels = Int16Array.from({ length: 192 }, (_, slot) => (slot >= 96 && slot < 100 ? 4 : 1))
    const weekend = createFloorTemplate(
      {
        days: [
          [0, 1, 2, 3, 4],
          [5, 6],
        ],
        levels,
        usd: 0,
      },
      600,
    )
    expect(weekend.windows).toEqual([{ days: ['fri', 'sat'], from: '23:50', to: '01:00', replicas: 4 }])
  })

  const arbitrary = fc.record({
    // Runs of any length, whole days too.
    levels: fc
      .array(fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 120 })), { minLength: 192, maxLength: 192 })
      .map((runs) => runs.flatMap(([level, slots]) => Array<number>(slots).fill(level)).slice(0, 192)),
    coldStartSeconds: fc.integer({ min: 0, max: 1500 }),
  })

  it('has its floor ready whenever it is needed, and never asks for less than that', () => {
    fc.assert(
      fc.property(arbitrary, ({ levels, coldStartSeconds }) => {
        const needed = {
          days: [
            [0, 1, 2, 3, 4],
            [5, 6],
          ],
          levels: Int16Array.from(levels),
          usd: 0,
        }
        const template = createFloorTemplate(needed, coldStartSeconds)
        const grid = {
          start: parseInstant('2025-03-03T00:00:00Z')!,
          tickSeconds: 900,
          ticksPerStep: 1,
          length: slotsPerWeek,
        }
        const { ready } = tickFloors(template, coldStartSeconds, grid, 'UTC')
        const requested = requestedFloors(template)
        for (const [slot, level] of unfoldDays(needed).entries()) {
          expect(ready[slot]!).toBeGreaterThanOrEqual(level)
          expect(requested[slot * 15]!).toBeGreaterThanOrEqual(ready[slot]!)
        }
        expect(floorReplicaHours(template)).toBeGreaterThanOrEqual(
          levels.length > 0 ? Math.min(...levels) * 168 : 0,
        )
      }),
      { numRuns: 50 },
    )
  })

  it('keeps local time when clocks change', () => {
    const levels = Int16Array.from({ length: 96 }, (_, slot) => (slot >= 32 ? 8 : 2))
    const template = createFloorTemplate({ days: everyDay, levels, usd: 0 }, 300)
    const hour = (text: string) => {
      const grid = { start: parseInstant(text)!, tickSeconds: 3600, ticksPerStep: 1, length: 2 }
      return [...tickFloors(template, 300, grid, 'Europe/Berlin').ready]
    }
    expect(hour('2025-03-28T06:00:00Z')).toEqual([2, 8]) // 07:00 and 08:00 local, winter
    expect(hour('2025-03-31T05:00:00Z')).toEqual([2, 8]) // the same local hours, summer
  })

  it('has dated exceptions on their dates, over the week, ready a cold start later', () => {
    const template: FloorTemplate = {
      minReplicas: 2,
      windows: [{ days: ['mon', 'tue'], from: '10:00', to: '11:00', replicas: 5 }],
      exceptions: [
        { from: '2025-03-03T10:50:00Z', until: '2025-03-03T11:30:00Z', replicas: 5, reason: 'sale' },
        { from: '2025-03-04T10:10:00Z', until: '2025-03-04T10:30:00Z', replicas: 9, reason: 'sale' },
      ],
    }
    const floorsFrom = (text: string) => {
      const grid = { start: parseInstant(text)!, tickSeconds: 600, ticksPerStep: 1, length: 10 }
      const { asked, ready } = tickFloors(template, 600, grid, 'UTC')
      return { asked: [...asked], ready: [...ready] }
    }
    // Where the window hands over to the exception, nothing falls.
    expect(floorsFrom('2025-03-03T10:00:00Z')).toEqual({
      asked: [5, 5, 5, 5, 5, 5, 5, 5, 5, 2],
      ready: [2, 5, 5, 5, 5, 5, 5, 5, 5, 2],
    })
    expect(floorsFrom('2025-03-04T10:00:00Z')).toEqual({
      asked: [5, 9, 9, 5, 5, 5, 2, 2, 2, 2],
      ready: [2, 5, 9, 5, 5, 5, 2, 2, 2, 2],
    })
    // A week later there is only the week.
    expect(floorsFrom('2025-03-11T10:00:00Z').asked).toEqual([5, 5, 5, 5, 5, 5, 2, 2, 2, 2])
  })
})
