import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countArrivals } from '../../../src/metrics/prometheus/arrivals.js'
import { sumBucketsByDay } from '../../../src/metrics/prometheus/day-histograms.js'
import type { SignalColumns } from '../../../src/metrics/prometheus/workload-series.js'

const workload = { model: 'a', region: 'r' }
const column = (...values: (number | null)[]) => Float64Array.from(values, (value) => value ?? Number.NaN)
const judge = (signals: SignalColumns, countsArrivals = false) =>
  countArrivals({ workload, signals, countsArrivals }, 300)
const count = (signals: SignalColumns, countsArrivals = false) => {
  const counted = judge(signals, countsArrivals)
  if (counted === undefined || 'scrapeSeconds' in counted) throw new Error('nothing was counted')
  return counted
}

describe('countArrivals', () => {
  it('counts what arrived: ended, plus the growth of what is in flight, plus what was turned away', () => {
    const { columns } = count({
      requests: column(100, 80, 120, 100),
      inFlightRequests: column(10, 40, 0, 0),
      rejectedRequests: column(0, 5, 0, 0),
    })
    expect([...columns.requests]).toEqual([100, 115, 80, 100])
    expect([...columns.serving!.servedRequests!]).toEqual([100, 80, 120, 100])
  })

  it('adds nothing where arrivals are counted, and no served requests are known then', () => {
    const { columns } = count(
      { requests: column(100, 80), inFlightRequests: column(10, 40), rejectedRequests: column(0, 5) },
      true,
    )
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
    })
    expect([...columns.inputTokens]).toEqual([1000, 1300])
    expect([...columns.outputTokens]).toEqual([500, 650])
    expect([...columns.tokenRequests]).toEqual([100, 110])
  })

  it('keeps a hole a hole, unless it is known that nothing was to run', () => {
    const { columns } = count({ requests: column(5, null, null, 5), replicas: column(1, 1, 0, 1) })
    expect([...columns.requests]).toEqual([5, Number.NaN, 0, 5])
  })

  it('leaves out steps in which scraping was interrupted', () => {
    const { columns, maskedSteps } = count({
      requests: column(100, 60, 100, 100),
      samples: column(20, 12, 19, 20),
    })
    expect([...columns.requests]).toEqual([100, Number.NaN, 100, 100])
    expect(maskedSteps).toBe(1)
  })

  it('says how often a workload is scraped whose steps hold fewer than two samples', () => {
    expect(judge({ requests: column(1, 1, 1, 1), samples: column(1, 1, 1, 1) })).toEqual({
      scrapeSeconds: 300,
    })
  })

  it('does not refuse because a workload has just come, or soon went', () => {
    expect(judge({ requests: column(null, null, null), samples: column(null, null, 1) })).toBeUndefined()
    const { columns } = count({ requests: column(null, 100, 5), samples: column(1, 20, 1) })
    expect([...columns.requests]).toEqual([Number.NaN, 100, Number.NaN])
  })

  it('takes the mean length of what was served, and only of steps that count', () => {
    const interrupted = count({
      requests: column(100, 100, 100, 100, 50, 50),
      inputTokens: column(1000, 1000, 1000, 1000, 1000, 1000),
      outputTokens: column(500, 500, 500, 500, 500, 500),
      samples: column(20, 20, 20, 20, 10, 10),
      queuedRequests: column(0, 20, 20, 20, 20, 20),
    })
    expect([...interrupted.columns.inputTokens].slice(0, 4)).toEqual([1000, 1200, 1000, 1000])
    const turnedAway = count(
      {
        requests: column(100, 100),
        rejectedRequests: column(50, 50),
        inputTokens: column(1000, 1000),
        outputTokens: column(1000, 1000),
      },
      true,
    )
    expect([...turnedAway.columns.inputTokens]).toEqual([2000, 2000])
  })

  it('has finite tokens where nothing ended', () => {
    const { columns } = count({
      requests: column(0, 0),
      inFlightRequests: column(0, 5),
      queuedRequests: column(0, 5),
      inputTokens: column(0, 0),
      outputTokens: column(0, 0),
    })
    expect([...columns.requests]).toEqual([0, 5])
    expect([...columns.inputTokens]).toEqual([0, 0])
  })

  it('does not take off again what died with its replica', () => {
    const { columns } = count({
      requests: column(100, 50, 100),
      inFlightRequests: column(100, 0, 0),
      readyReplicas: column(2, 1, 1),
    })
    expect([...columns.requests]).toEqual([100, 50, 100])
  })

  it('makes up for the noise of little traffic instead of clipping it', () => {
    const ended = [0, 1.05, 0, 0.95, 0, 1.05, 0, 0.95]
    const inFlight = [1, 0, 1, 0, 1, 0, 1, 0]
    const { columns } = count({ requests: column(0, ...ended), inFlightRequests: column(0, ...inFlight) })
    expect(columns.requests.reduce((a, b) => a + b, 0)).toBeCloseTo(4, 1)
    expect(columns.requests.every((value) => value >= 0)).toBe(true)
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
          const { columns } = count({ requests: column(...ended), inFlightRequests: column(...waiting) })
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

  it('adds buckets of one bound, however it is written', () => {
    const hour = (each: number) => new Float64Array(24).fill(each / 24)
    const [day] = sumBucketsByDay(
      'input_tokens',
      [
        { le: Number('1'), values: hour(5) },
        { le: Number('1.0'), values: hour(5) },
        { le: Number.POSITIVE_INFINITY, values: hour(20) },
      ],
      0,
    )
    expect([...day!.upperBounds]).toEqual([1, Number.POSITIVE_INFINITY])
    expect([...day!.counts].map(Math.round)).toEqual([10, 10])
  })

  it('has no day without values', () => {
    const values = Float64Array.from({ length: 48 }, (_, hour) => (hour < 24 ? Number.NaN : 1))
    expect(sumBucketsByDay('ttft_seconds', [{ le: 1, values }], 0).map(({ day }) => day)).toEqual([86_400])
  })
})
