import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCronFloor } from '../../src/manifests/cron-window.js'
import {
  type DatedException,
  type FloorTemplate,
  type FloorWindow,
  weekdays,
} from '../../src/planning/capacity-plan.js'
import { requestedFloors } from '../../src/planning/floor-template.js'
import { evaluateCron, localWeek } from './keda-cron.js'

const everyDay = [...weekdays]
const template = (minReplicas: number, ...windows: FloorWindow[]): FloorTemplate => ({
  minReplicas,
  windows,
  exceptions: [],
})

const clock = (quarter: number) =>
  `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`
const floorWindow = fc.record({
  days: fc.subarray(everyDay, { minLength: 1 }),
  from: fc.integer({ min: 0, max: 95 }).map(clock),
  to: fc.integer({ min: 0, max: 96 }).map(clock),
  replicas: fc.integer({ min: 0, max: 30 }),
})
const floorTemplate = fc.record({
  minReplicas: fc.integer({ min: 0, max: 10 }),
  windows: fc.array(floorWindow, { maxLength: 8 }),
  exceptions: fc.constant<DatedException[]>([]),
})

const week = 10_080
const floorsAt = (floors: FloorTemplate, local: number[], timeZone: string) => {
  const { minReplicas, windows } = createCronFloor(floors, timeZone)
  return evaluateCron(windows, local, (replicas) => replicas).map((replicas) =>
    Math.max(replicas, minReplicas),
  )
}

describe('cron windows', () => {
  it('ask for the floor of the template at every minute of a week', () => {
    // Three weeks, of which the last only shows the next firings; from Monday 2026-06-01.
    const local = localWeek(Date.UTC(2026, 5, 1) / 1000, 3 * week, 'UTC')
    fc.assert(
      fc.property(floorTemplate, (floors) => {
        const wanted = requestedFloors(floors)
        const asked = floorsAt(floors, local, 'UTC')
        for (let minute = 0; minute < 2 * week; minute++)
          if (asked[minute] !== wanted[minute % week]) return false
        return true
      }),
      { numRuns: 150 },
    )
  })

  it('never start when they end, and never touch', () => {
    fc.assert(
      fc.property(floorTemplate, (floors) => {
        for (const { start, end } of createCronFloor(floors, 'UTC').windows) expect(start).not.toBe(end)
      }),
    )
  })

  // Spring and autumn of 2026, from the Monday before each change of the clock.
  for (const [timeZone, ...mondays] of [
    ['America/New_York', Date.UTC(2026, 2, 2), Date.UTC(2026, 9, 26)],
    ['Europe/Berlin', Date.UTC(2026, 2, 23), Date.UTC(2026, 9, 19)],
    ['Africa/Cairo', Date.UTC(2026, 3, 20), Date.UTC(2026, 9, 26)],
    ['America/Santiago', Date.UTC(2026, 8, 1), Date.UTC(2026, 2, 30)],
    ['Australia/Lord_Howe', Date.UTC(2026, 8, 28), Date.UTC(2026, 2, 30)],
  ] as const) {
    it(`keep every floor when the clock changes in ${timeZone}`, () => {
      for (const monday of mondays) {
        const local = localWeek(monday / 1000, 3 * week, timeZone)
        expect(
          new Set(local.slice(1).map((minute, index) => (minute - local[index]! + week) % week)).size,
        ).toBe(2)
        fc.assert(
          fc.property(floorTemplate, (floors) => {
            const wanted = requestedFloors(floors)
            const asked = floorsAt(floors, local, timeZone)
            let surplus = 0
            for (let minute = 0; minute < 2 * week; minute++) {
              const difference = asked[minute]! - wanted[local[minute]!]!
              if (difference < 0) return false
              if (difference > 0) surplus++
            }
            // Only around the hours of the change, on one weekday of each of the two weeks; twice a year they differ.
            return surplus <= 2 * 3 * 60 + 2
          }),
          { numRuns: 40 },
        )
      }
    })
  }

  it('reads well for the usual week', () => {
    expect(
      createCronFloor(
        template(
          1,
          { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '07:45', to: '24:00', replicas: 6 },
          { days: ['sat', 'sun'], from: '22:00', to: '06:00', replicas: 3 },
        ),
        'UTC',
      ).windows,
    ).toEqual([
      { start: '45 7 * * 1-5', end: '0 0 * * 2-6', replicas: 6 },
      { start: '0 22 * * 0,6', end: '0 6 * * 0-1', replicas: 3 },
    ])
  })

  it('joins days that follow on each other', () => {
    expect(
      createCronFloor(
        template(1, { days: ['fri', 'sat', 'sun'], from: '00:00', to: '24:00', replicas: 4 }),
        'UTC',
      ).windows,
    ).toEqual([{ start: '0 0 * * 5', end: '0 0 * * 1', replicas: 4 }])
  })

  it('makes a floor that never ends the minimum', () => {
    expect(
      createCronFloor(template(1, { days: everyDay, from: '00:00', to: '24:00', replicas: 4 }), 'UTC'),
    ).toEqual({ minReplicas: 4, windows: [] })
  })

  it('moves a time that the clock skips or repeats, on that weekday alone', () => {
    expect(
      createCronFloor(
        template(1, { days: everyDay, from: '02:30', to: '05:00', replicas: 4 }),
        'Europe/Berlin',
      ).windows,
    ).toEqual([
      { start: '30 2 * * 1-6', end: '0 5 * * 1-6', replicas: 4 },
      { start: '59 1 * * 0', end: '0 5 * * 0', replicas: 4 },
    ])
    expect(
      createCronFloor(
        template(1, { days: everyDay, from: '20:00', to: '02:15', replicas: 4 }),
        'Europe/Berlin',
      ).windows,
    ).toEqual([
      { start: '0 20 * * 0-5', end: '15 2 * * 1-6', replicas: 4 },
      { start: '0 20 * * 6', end: '0 3 * * 0', replicas: 4 },
    ])
  })
})
