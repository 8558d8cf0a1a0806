import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utcOffsetSeconds } from '../../src/kit/time.js'
import { findBusyHours, type UtcWindow } from '../../src/manifests/busy-hours.js'
import { weekdays } from '../../src/planning/capacity-plan.js'
import { requestedFloors } from '../../src/planning/floor-template.js'
import { workloadDecision } from '../plan-fixture.js'

const floorsOf = (windows: ReturnType<typeof workloadDecision>['floors']['windows'], minReplicas = 1) => ({
  minReplicas,
  windows,
  exceptions: [],
})

/** Hours of the UTC week, from Monday, that Karpenter's schedules hold. */
function heldHours(windows: readonly UtcWindow[]): Set<number> {
  const held = new Set<number>()
  for (const { schedule, hours } of windows) {
    const [minute, hour, , , days] = schedule.split(' ') as [string, string, string, string, string]
    expect(minute).toBe('0')
    const named =
      days === '*'
        ? [0, 1, 2, 3, 4, 5, 6]
        : days.split(',').flatMap((part) => {
            const [first, last = first] = part.split('-').map(Number) as [number, number?]
            return Array.from({ length: last! - first + 1 }, (_, index) => first + index)
          })
    for (const day of named)
      for (let step = 0; step < hours; step++) held.add((((day + 6) % 7) * 24 + Number(hour) + step) % 168)
  }
  return held
}

describe('findBusyHours', () => {
  it('gives hours in UTC, those of summer and winter together', () => {
    const workload = workloadDecision({
      timeZone: 'Europe/Berlin',
      floors: floorsOf([{ days: ['mon', 'tue'], from: '08:00', to: '18:00', replicas: 9 }]),
    })
    // 07:00–17:00 UTC in winter, 06:00–16:00 in summer.
    expect(findBusyHours([workload])).toEqual([{ schedule: '0 6 * * 1-2', hours: 11 }])
  })

  it('starts on the day before where local time is ahead, and joins over the end of the week', () => {
    const workload = workloadDecision({
      timeZone: 'Asia/Tokyo',
      floors: floorsOf([{ days: ['mon'], from: '08:00', to: '10:00', replicas: 9 }]),
    })
    expect(findBusyHours([workload])).toEqual([{ schedule: '0 23 * * 0', hours: 2 }])
  })

  it('holds nothing where floors are the same all week, or where nothing runs', () => {
    expect(findBusyHours([workloadDecision({ floors: floorsOf([], 5) })])).toEqual([])
    expect(findBusyHours([])).toEqual([])
  })

  it('holds the highest floor by every offset of a zone, in few schedules, and never all week', () => {
    const window = fc.record({
      days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 }),
      from: fc.integer({ min: 0, max: 95 }).map(clock),
      to: fc.integer({ min: 0, max: 95 }).map(clock),
      replicas: fc.integer({ min: 1, max: 40 }),
    })
    const zones = fc.constantFrom('UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe')
    fc.assert(
      fc.property(fc.array(window, { maxLength: 24 }), zones, (windows, timeZone) => {
        const workload = workloadDecision({ timeZone, floors: floorsOf(windows) })
        const found = findBusyHours([workload])
        expect(found.length).toBeLessThanOrEqual(40)
        const held = heldHours(found)
        expect(held.size).toBeLessThan(168)
        if (found.length === 0) return
        const floors = requestedFloors(workload.floors)
        const most = floors.reduce((a, b) => Math.max(a, b))
        const isMissed = (offsetMinutes: number) =>
          floors.some(
            (floor, minute) =>
              floor === most && !held.has(Math.floor(((minute - offsetMinutes + 10_080) % 10_080) / 60)),
          )
        const offsets = [0, 6].map(
          (month) => utcOffsetSeconds(Date.UTC(2026, month, 5) / 1000, timeZone) / 60,
        )
        expect(offsets.filter(isMissed)).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

function clock(slot: number): string {
  return `${String(Math.floor(slot / 4)).padStart(2, '0')}:${String((slot % 4) * 15).padStart(2, '0')}`
}
