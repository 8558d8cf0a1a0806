import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utcOffsetSeconds } from '../../src/kit/time.js'
import { floorsInZone } from '../../src/manifests/zone-floors.js'
import { requestedFloors } from '../../src/planning/floor-template.js'
import { workloadDecision } from '../plan-fixture.js'

const workload = workloadDecision()
const local = requestedFloors(workload.floors)

describe('floorsInZone', () => {
  it('is the template itself in its own zone', () => {
    expect(floorsInZone(workload, workload.timeZone)).toEqual(local)
  })

  it('is never below the floor of any date, and nowhere above all of them', () => {
    const zones = fc.constantFrom('UTC', 'Asia/Kolkata', 'Europe/London', 'Australia/Lord_Howe')
    const dates = Array.from({ length: 365 }, (_, day) => Date.UTC(2027, 0, 1 + day) / 1000)
    fc.assert(
      fc.property(zones, fc.nat(10_079), (zone, minute) => {
        const onDates = dates.map((date) => {
          const ahead = utcOffsetSeconds(date, workload.timeZone) - utcOffsetSeconds(date, zone)
          return local[(minute + ahead / 60 + 10_080) % 10_080]!
        })
        expect(floorsInZone(workload, zone)[minute]).toBe(Math.max(...onDates))
      }),
      { numRuns: 60 },
    )
  })
})
