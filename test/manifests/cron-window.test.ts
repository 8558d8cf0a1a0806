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
const floorsAt = (floors: FloorTemplate, start: number, minutes: number, timeZone: string) => {
  const { minReplicas, windows } = createCronFloor(floors, timeZone)
  return evaluateCron(windows, start, minutes).map((replicas) => Math.max(replicas, minReplicas))
}

describe('cron windows', () => {
  it('ask for the floor of the template at every minute of a week', () => {
    const monday = Date.UTC(2026, 5, 1) / 1000
    fc.assert(
      fc.property(floorTemplate, (floors) => {
        const wanted = requestedFloors(floors)
        const asked = floorsAt(floors, monday, 2 * week, 'UTC')
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

  // Spring and autumn of 2026, from the Monday before each change of the clock. Where a clock skips midnight or
  // changes beside the full hours, KEDA misreads local windows.
  for (const [timeZone, misread, ...mondays] of [
    ['America/New_York', false, Date.UTC(2026, 2, 2), Date.UTC(2026, 9, 26)],
    ['Europe/Berlin', false, Date.UTC(2026, 2, 23), Date.UTC(2026, 9, 19)],
    ['Africa/Cairo', true, Date.UTC(2026, 3, 20), Date.UTC(2026, 9, 26)],
    ['Asia/Beirut', true, Date.UTC(2026, 2, 23), Date.UTC(2026, 9, 19)],
    ['America/Santiago', true, Date.UTC(2026, 7, 31), Date.UTC(2026, 2, 30)],
    ['America/Havana', true, Date.UTC(2026, 2, 2), Date.UTC(2026, 9, 26)],
    ['Atlantic/Azores', true, Date.UTC(2026, 2, 23), Date.UTC(2026, 9, 19)],
    ['Australia/Lord_Howe', true, Date.UTC(2026, 8, 28), Date.UTC(2026, 2, 30)],
    ['Pacific/Chatham', true, Date.UTC(2026, 8, 21), Date.UTC(2026, 2, 30)],
  ] as const) {
    it(`keep every floor when the clock changes in ${timeZone}`, () => {
      for (const monday of mondays) {
        const local = localWeek(monday / 1000, 2 * week, timeZone)
        expect(
          new Set(local.slice(1).map((minute, index) => (minute - local[index]! + week) % week)).size,
        ).toBe(2)
        fc.assert(
          fc.property(floorTemplate, (floors) => {
            const wanted = requestedFloors(floors)
            const asked = floorsAt(floors, monday / 1000, 2 * week, timeZone)
            let surplus = 0
            for (let minute = 0; minute < 2 * week; minute++) {
              const floor = asked[minute]!
              if (floor < wanted[local[minute]!]!) return false
              if (floor === wanted[local[minute]!]!) continue
              surplus++
              // No floor comes more than two hours early or stays two hours late.
              const near = Array.from(
                { length: 241 },
                (_, index) => (local[minute]! + index - 120 + week) % week,
              )
              if (near.every((at) => wanted[at]! < floor)) return false
            }
            // Only around the hours of the change, on one weekday of each of the two weeks; twice a year they differ.
            return misread || surplus <= 2 * 3 * 60 + 2
          }),
          { numRuns: 20 },
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
      { timeZone: 'UTC', start: '45 7 * * 1-5', end: '0 0 * * 2-6', replicas: 6 },
      { timeZone: 'UTC', start: '0 22 * * 0,6', end: '0 6 * * 0-1', replicas: 3 },
    ])
  })

  it('joins days that follow on each other', () => {
    expect(
      createCronFloor(
        template(1, { days: ['fri', 'sat', 'sun'], from: '00:00', to: '24:00', replicas: 4 }),
        'UTC',
      ).windows,
    ).toEqual([{ timeZone: 'UTC', start: '0 0 * * 5', end: '0 0 * * 1', replicas: 4 }])
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
      { timeZone: 'Europe/Berlin', start: '30 2 * * 1-6', end: '0 5 * * 1-6', replicas: 4 },
      { timeZone: 'Europe/Berlin', start: '59 1 * * 0', end: '0 5 * * 0', replicas: 4 },
    ])
    expect(
      createCronFloor(
        template(1, { days: everyDay, from: '20:00', to: '02:15', replicas: 4 }),
        'Europe/Berlin',
      ).windows,
    ).toEqual([
      { timeZone: 'Europe/Berlin', start: '0 20 * * 0-5', end: '15 2 * * 1-6', replicas: 4 },
      { timeZone: 'Europe/Berlin', start: '0 20 * * 6', end: '0 3 * * 0', replicas: 4 },
    ])
  })

  it('are in UTC where a clock skips midnight and they end the next morning, and only there', () => {
    const nights = template(1, { days: ['thu', 'sat'], from: '20:00', to: '06:00', replicas: 4 })
    expect(createCronFloor(nights, 'Africa/Cairo').windows).toEqual([
      { timeZone: 'UTC', start: '0 17 * * 4', end: '0 4 * * 5', replicas: 4 },
      { timeZone: 'Africa/Cairo', start: '0 20 * * 6', end: '0 6 * * 0', replicas: 4 },
    ])
    const everyNight = template(1, { days: everyDay, from: '20:00', to: '06:00', replicas: 4 })
    expect(createCronFloor(everyNight, 'Africa/Cairo').windows).toEqual([
      { timeZone: 'Africa/Cairo', start: '0 20 * * *', end: '0 6 * * *', replicas: 4 },
    ])
  })
})
