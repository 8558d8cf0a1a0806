import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/kit/random.js'
import { parseInstant } from '../../../src/kit/time.js'
import { findLogHoles } from '../../../src/metrics/files/log-holes.js'

const monday = parseInstant('2025-03-03T00:00:00Z')!
/** Requests by step of an hour, over days, as `requestsAt` says of the hour of the week and the day. */
const hourly = (days: number, requestsAt: (hour: number, day: number) => number) =>
  Float64Array.from({ length: days * 24 }, (_, step) => requestsAt(step % 24, Math.floor(step / 24)))

describe('holes of logs', () => {
  it.each([7, 14, 28, 60])('a missing weekday among %d days, whatever the hours of work', (days) => {
    const requests = hourly(days, (hour, day) =>
      day === 3 || day % 7 >= 5 || hour < 8 || hour >= 18 ? 0 : 100,
    )
    requests[0] = requests[requests.length - 1] = 1
    expect(findLogHoles(requests, monday, 3600)).toEqual([{ from: 3 * 24 + 8, to: 3 * 24 + 18 }])
  })

  it('a weekend is silent as other weekends are, or as far as none is known', () => {
    const rests = (days: number) => hourly(days, (_, day) => (day % 7 >= 5 ? 0 : 100))
    for (const days of [8, 12, 15, 29]) expect(findLogHoles(rests(days), monday, 3600)).toEqual([])
    const missing = hourly(15, (_, day) => (day === 5 || day === 6 ? 0 : 100))
    expect(findLogHoles(missing, monday, 3600)).toEqual([{ from: 120, to: 168 }])
  })

  it('few requests stay away by chance now and then, and make no hole', () => {
    let holes = 0
    for (let seed = 1; seed <= 200; seed++) {
      const random = createRandom(seed)
      const stepSeconds = [300, 900, 3600][seed % 3]!
      const requestsPerHour = 0.5 + 6 * random.uniform()
      const requests = new Float64Array((14 * 86_400) / stepSeconds)
      const count = Math.round(requestsPerHour * 14 * 24)
      for (let request = 0; request < count; request++) requests[random.integer(requests.length)]!++
      requests[0] = requests[requests.length - 1] = 1
      holes += findLogHoles(requests, monday, stepSeconds).length
    }
    expect(holes).toBeLessThanOrEqual(1)
  })

  it('holes are runs in order, apart, without a request', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(14 * 24), fc.integer({ min: 1, max: 40 })), { maxLength: 12 }),
        fc.integer({ min: 0, max: 12 }),
        (silences, restHours) => {
          const requests = hourly(14, (hour) => (hour < restHours ? 0 : 50))
          for (const [from, hours] of silences) requests.fill(0, from, from + hours)
          requests[0] = requests[requests.length - 1] = 1
          let end = -1
          for (const { from, to } of findLogHoles(requests, monday, 3600)) {
            expect(from).toBeGreaterThan(end)
            expect(to).toBeGreaterThan(from)
            expect(requests.subarray(from, to).every((count) => count === 0)).toBe(true)
            end = to
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    )
  })
})
