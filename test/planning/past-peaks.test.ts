import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findPastPeaks } from '../../src/planning/past-peaks.js'

const hour = 3600
const start = Date.parse('2026-11-01T00:00:00Z') / 1000
const report = { requestsPerSecondPerReplica: 2 }
const settings = { days: 3, burstFactor: 1 }
const peaksOf = (requests: Float64Array, timeZone = 'UTC', options = settings) =>
  findPastPeaks(
    { start, stepSeconds: hour, length: requests.length },
    { requests },
    { timeZone },
    report,
    options,
  )

describe('peaks of the past', () => {
  it('are the replicas that the busiest step of each whole local day needed', () => {
    const requests = new Float64Array(6 * 24).fill(hour)
    requests[2 * 24 + 5] = 9 * 2 * hour
    requests[3 * 24 + 23] = 4.5 * 2 * hour
    requests[4 * 24] = Number.NaN
    expect(peaksOf(requests)).toEqual([
      { date: '2026-11-03', replicas: 9 },
      { date: '2026-11-04', replicas: 5 },
      { date: '2026-11-05', replicas: 1 },
    ])
    expect(peaksOf(requests, 'Asia/Tokyo')).toContainEqual({ date: '2026-11-05', replicas: 5 })
    expect(peaksOf(requests, 'UTC', { days: 3, burstFactor: 2 })[0]!.replicas).toBe(18)
  })

  it('leave out a day of which nothing is known', () => {
    const requests = new Float64Array(6 * 24).fill(hour)
    requests.fill(Number.NaN, 3 * 24, 4 * 24)
    expect(peaksOf(requests).map(({ date }) => date)).toEqual(['2026-11-03', '2026-11-05'])
  })

  it('never fall where demand rises', () => {
    const demand = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 72, maxLength: 200 })
    fc.assert(
      fc.property(demand, fc.double({ min: 1, max: 3, noNaN: true }), (amounts, factor) => {
        const low = peaksOf(Float64Array.from(amounts))
        const high = peaksOf(Float64Array.from(amounts, (amount) => amount * factor))
        expect(high.every(({ replicas }, day) => replicas >= low[day]!.replicas)).toBe(true)
      }),
    )
  })
})
