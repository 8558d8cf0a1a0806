import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countArrivals, type SignalColumns } from '../../../src/metrics/prometheus/arrivals.js'
import { sumBucketsByDay } from '../../../src/metrics/prometheus/day-histograms.js'

const workload = { model: 'a', region: 'r' }
const column = (...values: (number | null)[]) => Float64Array.from(values, (value) => value ?? Number.NaN)
const count = (signals: SignalColumns, countsArrivals = false) =>
  countArrivals(workload, signals, { countsArrivals, stepSeconds: 300 })

describe('countArrivals', () => {
  it('counts what arrived: ended, plus the growth of what is in flight, plus what was turned away', () => {
    const { columns } = count({
      requests: column(100, 80, 120, 100),
      inFlightRequests: column(10, 40, 0, 0),
      rejectedRequests: column(0, 5, 0, 0),
    })!
    expect([...columns.requests]).toEqual([100, 115, 80, 100])
    expect([...columns.serving!.servedRequests!]).toEqual([100, 80, 120, 100])
  })

  it('adds nothing where arrivals are counted, and no served requests are known then', () => {
    const { columns } = count(
      { requests: column(100, 80), inFlightRequests: column(10, 40), rejectedRequests: column(0, 5) },
      true,
    )!
    expect([...columns.requests]).toEqual([100, 80])
    expect(columns.serving).toEqual({ rejectedRequests: column(0, 5) })
  })

  it('adds the tokens of what waits and of what was turned away at the mean length', () => {
    const { columns } = count({
      requests: column(100, 100),
      inputTokens: column(1000, 1000),
      outputTokens: column(500, 500),
      queuedRequests: column(0, 20),
      rejectedRequests: column(0, 10),
    })!
    expect([...columns.inputTokens]).toEqual([1000, 1300])
    expect([...columns.outputTokens]).toEqual([500, 650])
    expect([...columns.tokenRequests]).toEqual([100, 110])
  })

  it('keeps a hole a hole, unless it is known that nothing was to run', () => {
    const { columns } = count({ requests: column(5, null, null, 5), replicas: column(1, 1, 0, 1) })!
    expect([...columns.requests]).toEqual([5, Number.NaN, 0, 5])
  })

  it('leaves out steps in which scraping was interrupted', () => {
    const { columns, maskedSteps } = count({
      requests: column(100, 60, 100, 100),
      samples: column(20, 12, 19, 20),
    })!
    expect([...columns.requests]).toEqual([100, Number.NaN, 100, 100])
    expect(maskedSteps).toBe(1)
  })

  it('refuses steps that hold fewer than two samples, and says which would do', () => {
    expect(() => count({ requests: column(1, 1, 1, 1), samples: column(1, 1, 1, 1) })).toThrow(
      expect.objectContaining({ code: 'STEP_TOO_FINE', tryThis: [expect.stringContaining('20m')] }),
    )
  })

  it('does not refuse because a workload has just come, or soon went', () => {
    expect(count({ requests: column(null, null, null), samples: column(null, null, 1) })).toBeUndefined()
    const { columns } = count({ requests: column(null, 100, 5), samples: column(1, 20, 1) })!
    expect([...columns.requests]).toEqual([Number.NaN, 100, Number.NaN])
  })

  it('conserves flow: all that arrived has ended or is in flight', () => {
    const amounts = fc.array(fc.nat(1000), { minLength: 2, maxLength: 20 })
    fc.assert(
      fc.property(
        amounts,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (arrivals, shares) => {
          let inFlight = 0
          const ended: number[] = []
          const waiting = arrivals.map((arrived) => {
            inFlight += arrived
            const done = Math.round(inFlight * shares.next().value)
            ended.push(done)
            inFlight -= done
            return inFlight
          })
          const { columns } = count({ requests: column(...ended), inFlightRequests: column(...waiting) })!
          expect([...columns.requests.slice(1)]).toEqual(arrivals.slice(1))
        },
      ),
    )
  })
})

describe('sumBucketsByDay', () => {
  it('turns cumulative hourly buckets into counts of a day', () => {
    const hourly = (each: number) => new Float64Array(48).fill(each)
    const days = sumBucketsByDay(
      'input_tokens',
      [
        { le: Number.POSITIVE_INFINITY, values: hourly(10) },
        { le: 100, values: hourly(4) },
        { le: 1000, values: hourly(9) },
      ],
      0,
    )
    expect(days.map(({ day }) => day)).toEqual([0, 86_400])
    expect([...days[0]!.upperBounds]).toEqual([100, 1000, Number.POSITIVE_INFINITY])
    expect([...days[0]!.counts]).toEqual([96, 120, 24])
  })

  it('has no day without values', () => {
    const values = Float64Array.from({ length: 48 }, (_, hour) => (hour < 24 ? Number.NaN : 1))
    expect(sumBucketsByDay('ttft_seconds', [{ le: 1, values }], 0).map(({ day }) => day)).toEqual([86_400])
  })
})
