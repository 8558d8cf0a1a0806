import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Event, parseEvents } from '../../../src/config/events-file.js'
import { adjustHistory } from '../../../src/forecast/calendar/adjust-history.js'
import type { Calendar } from '../../../src/forecast/calendar/calendar.js'
import { withCalendar, withoutDated } from '../../../src/forecast/calendar/coming-effects.js'
import { listDatedSpans } from '../../../src/forecast/calendar/dated-spans.js'
import { listOccurrences, meanFactor } from '../../../src/forecast/calendar/event-course.js'
import { forecastOnCalendar } from '../../../src/forecast/calendar/forecast-on-calendar.js'
import { listHolidays } from '../../../src/forecast/calendar/public-holidays.js'
import { forecastDemand } from '../../../src/forecast/forecast-demand.js'
import { pathQuantiles, samplePath } from '../../../src/forecast/sample-path.js'
import { createRandom } from '../../../src/kit/random.js'
import { type DemandHistory, maskReasons, type WorkloadDemand } from '../../../src/metrics/demand-history.js'

// Monday 2026-04-27 00:00 UTC, which is 02:00 in Berlin; 1 May is the Friday after.
const start = Date.UTC(2026, 2, 30) / 1000
const days = 28
const origin = start + days * 86_400
const options = { horizonSeconds: 7 * 86_400, seed: 1 }

/** Weekdays three times as busy as Sundays, hourly, with a little noise. */
function history(models = ['chat']): DemandHistory {
  const length = days * 24
  const workloads = models.map((model, index): WorkloadDemand => {
    const random = createRandom(index + 1)
    const requests = Float64Array.from({ length }, (_, step) => {
      const weekday = Math.floor((step + 2) / 24) % 7
      const hour = (step + 2) % 24
      const level = weekday === 6 ? 300 : weekday === 5 ? 600 : 900
      return Math.round(
        level * (1 + 0.5 * Math.sin((hour / 24) * 2 * Math.PI)) * (1 + 0.02 * random.normal()),
      )
    })
    return {
      workload: { model, region: 'eu' },
      requests,
      inputTokens: requests.map((count) => 10 * count),
      outputTokens: requests.map((count) => 5 * count),
      tokens: 'measured',
      mask: new Uint8Array(length),
    }
  })
  return { start, stepSeconds: 3600, length, workloads }
}

const plain = forecastDemand(history(), options)

function eventOf(text: string): Event {
  return parseEvents(`events:\n  - {name: sale, kind: campaign, ${text}}\n`, 'events.yaml')[0]!
}

function calendarOf(events: Event[], holidays: Calendar['users'] = new Map()): Calendar {
  return { events, users: holidays }
}

describe('an events file', () => {
  it('says where what is wrong', () => {
    const text = `events:
  - name: sale
    kind: champaign
    start: yesterday
    duration: 2h
    ramp: 3h
    multiplier: -1
  - {name: x, kind: launch, start: 2026-05-01, multiplier: 2, learn: leave-out, every: 1d}
`
    expect(() => parseEvents(text, 'events.yaml')).toThrow(
      expect.objectContaining({ code: 'EVENTS_INVALID', reason: 'configInvalid' }),
    )
    const lines = (() => {
      try {
        parseEvents(text, 'events.yaml')
        return ''
      } catch (error) {
        return (error as Error).message
      }
    })().split('\n')
    expect(lines).toEqual([
      expect.stringContaining(
        'events.yaml:3:11 events[0].kind: "champaign" is not one of launch, campaign, batch-job',
      ),
      expect.stringContaining('events.yaml:4:12 events[0].start: "yesterday" is not a time'),
      expect.stringContaining('events.yaml:7:17 events[0].multiplier: -1 is too small; more than 0'),
      expect.stringMatching(/events.yaml:8:\d+ events\[1\].learn: leave-out needs a duration/),
      expect.stringMatching(/events.yaml:8:\d+ events\[1\].every: needs a duration/),
    ])
    expect(() => eventOf('start: 2026-05-01, multiplier: 2, learn: leave-out')).toThrow(/needs a duration/)
    expect(() => eventOf('start: 2026-05-01, multiplier: 2, duration: 1h, ramp: 2h')).toThrow(/shorter than/)
    expect(() => eventOf('start: 2026-05-01, multiplier: 2, every: 1d')).toThrow(/every: needs a duration/)
    expect(() => eventOf('start: 2026-05-01, multiplier: 2, sure: 1')).toThrow(
      /unknown key.*known here: name/,
    )
  })
})

describe('the course of an event', () => {
  it('rises over its ramp, stays, and goes back the same way', () => {
    const event = eventOf('start: 2026-05-01T00:00:00Z, ramp: 2h, duration: 6h, multiplier: 3')
    const [occurrence] = listOccurrences(event, origin, origin + 7 * 86_400)
    const at = (hour: number) =>
      meanFactor(event, occurrence!, event.start + hour * 3600, event.start + (hour + 1) * 3600)
    expect([-1, 0, 1, 2, 5, 6, 7, 8].map(at)).toEqual([1, 1.5, 2.5, 3, 3, 2.5, 1.5, 1])
  })

  it('comes again until its end, and what it adds is the same however steps are cut', () => {
    const event = eventOf(
      'start: 2026-05-01T01:00:00Z, ramp: 20m, duration: 90m, every: 1d, until: 2026-05-03T12:00:00Z, multiplier: 2',
    )
    expect(listOccurrences(event, origin, origin + 28 * 86_400)).toHaveLength(3)
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 7200 }), (stepSeconds) => {
        const [occurrence] = listOccurrences(event, event.start, event.start + 1)
        let added = 0
        for (let time = event.start - 3600; time < event.start + 4 * 3600; time += stepSeconds)
          added += (meanFactor(event, occurrence!, time, time + stepSeconds) - 1) * stepSeconds
        expect(added).toBeCloseTo(90 * 60, 3)
      }),
    )
  })
})

describe('adjustHistory', () => {
  const past = 'start: 2026-04-08T06:00:00Z, duration: 10h, multiplier: 2'

  it('leaves past events out, of the workloads that they name alone', () => {
    const whole = history(['chat', 'code'])
    const { history: learned, notes } = adjustHistory(
      whole,
      calendarOf([eventOf(`${past}, workloads: [chat]`)]),
    )
    const first = (Date.UTC(2026, 3, 8, 6) / 1000 - start) / 3600
    const masked = [...learned.workloads[0]!.mask.keys()].filter(
      (step) => learned.workloads[0]!.mask[step] !== 0,
    )
    expect(masked).toEqual(Array.from({ length: 10 }, (_, index) => first + index))
    expect(learned.workloads[0]!.mask[first]).toBe(maskReasons.indexOf('event'))
    expect(learned.workloads[0]!.requests[first]).toBeNaN()
    expect(learned.workloads[1]).toBe(whole.workloads[1])
    expect(whole.workloads[0]!.mask[first]).toBe(0)
    expect(notes).toEqual(['chat/eu: 10 steps of sale (campaign of 2026-04-08T06:00:00Z) are not learned.'])
  })

  it('divides them out where the file says so, and gives back what was', () => {
    const usual = history()
    const event = eventOf(`${past}, ramp: 90m, learn: scale`)
    const raised = history()
    const [occurrence] = listOccurrences(event, start, origin)
    const demand = raised.workloads[0]!
    for (let step = 0; step < raised.length; step++) {
      const from = start + step * 3600
      const factor = meanFactor(event, occurrence!, from, from + 3600)
      for (const metric of ['requests', 'inputTokens', 'outputTokens'] as const)
        demand[metric][step]! *= factor
    }
    const { history: learned } = adjustHistory(raised, calendarOf([event]))
    learned.workloads[0]!.requests.forEach((value, step) => {
      expect(value).toBeCloseTo(usual.workloads[0]!.requests[step]!, 6)
    })
  })

  it('keeps a launch that lasts, and changes nothing without events', () => {
    const whole = history()
    const launch = eventOf('start: 2026-04-08T06:00:00Z, multiplier: 2')
    expect(adjustHistory(whole, calendarOf([launch])).history.workloads[0]).toBe(whole.workloads[0])
    expect(adjustHistory(whole, calendarOf([])).notes).toEqual([])
  })
})

describe('events ahead', () => {
  const coming = 'start: 2026-04-29T08:00:00Z, duration: 10h, multiplier: 3'
  const step = (Date.UTC(2026, 3, 29, 12) / 1000 - origin) / 3600

  it('multiply all paths where they are certain, and leave the point', () => {
    const forecast = forecastOnCalendar(history(), { ...options, calendar: calendarOf([eventOf(coming)]) })
    for (const path of [0, 7, 42]) {
      const usual = samplePath(plain, 0, path)
      const dated = samplePath(forecast, 0, path)
      expect(dated.requests[step]).toBeCloseTo(3 * usual.requests[step]!)
      expect(dated.outputTokens[step]).toBeCloseTo(3 * usual.outputTokens[step]!)
      expect(dated.requests[step - 12]).toBe(usual.requests[step - 12])
    }
    expect(forecast.workloads[0]!.series.requests.point).toEqual(plain.workloads[0]!.series.requests.point)
    expect(forecast.notes.join()).toContain(
      'chat/eu: sale (campaign, 2026-04-29T08:00:00Z) multiplies demand by up to 3.',
    )
    expect(samplePath(withoutDated(forecast), 0, 3)).toEqual(samplePath(plain, 0, 3))
  })

  it('happen on a share of the paths, the same for all workloads', () => {
    const both = history(['chat', 'code'])
    const plain = forecastDemand(both, options)
    const { forecast } = withCalendar(plain, calendarOf([eventOf(`${coming}, certainty: 30%`)]), both)
    const happens = (workload: number) =>
      Array.from({ length: plain.pathCount }, (_, path) => {
        const usual = samplePath(plain, workload, path).requests[step]!
        return samplePath(forecast, workload, path).requests[step]! > 2 * usual
      })
    expect(happens(0).filter(Boolean)).toHaveLength(30)
    expect(happens(0)).toEqual(happens(1))
    const { quantiles } = pathQuantiles(forecast, 0, 'requests', [0.5, 0.9])
    const usual = pathQuantiles(plain, 0, 'requests', [0.5, 0.9]).quantiles
    expect(quantiles[0]![step]!).toBeLessThan(1.3 * usual[0]![step]!)
    expect(quantiles[1]![step]!).toBeGreaterThan(2.5 * usual[1]![step]!)
  })

  it('that have begun are certain; a launch that was learned adds nothing, one that still ramps the rest', () => {
    const withEvent = (text: string) => withCalendar(plain, calendarOf([eventOf(text)]), history()).forecast
    const ratio = (forecast: typeof plain, at: number) =>
      samplePath(forecast, 0, 5).requests[at]! / samplePath(plain, 0, 5).requests[at]!
    const begun = withEvent('start: 2026-04-26T00:00:00Z, duration: 3d, multiplier: 2, certainty: 10%')
    expect(ratio(begun, 0)).toBeCloseTo(2)
    expect(ratio(begun, 100)).toBe(1)
    expect(ratio(withEvent('start: 2026-04-20T00:00:00Z, multiplier: 2'), 10)).toBe(1)
    const ramping = withEvent('start: 2026-04-26T00:00:00Z, ramp: 2d, multiplier: 2')
    expect(ratio(ramping, 100)).toBeCloseTo(2 / 1.5, 1)
  })
})

describe('holidays', () => {
  it('are read of countries and their parts', async () => {
    const names = async (...codes: string[]) =>
      (await listHolidays(codes, start, origin + 28 * 86_400)).map(({ day }) =>
        new Date(day * 86_400_000).toISOString().slice(0, 10),
      )
    expect(await names('DE')).toEqual(['2026-04-03', '2026-04-06', '2026-05-01', '2026-05-14', '2026-05-25'])
    expect(await names('US')).toEqual(['2026-05-25'])
    expect(await names()).toEqual([])
    await expect(names('XX')).rejects.toMatchObject({ code: 'HOLIDAYS_UNKNOWN', reason: 'configInvalid' })
    await expect(names('DE-QQ')).rejects.toMatchObject({ code: 'HOLIDAYS_UNKNOWN' })
  })

  it('ahead are like a Sunday of the users, in their time zone', async () => {
    const holidays = (await listHolidays(['DE'], origin, origin + 7 * 86_400)).filter(
      ({ day }) => day < 20_575,
    )
    const users = new Map([['chat/eu', { timeZone: 'Europe/Berlin', countries: 1, holidays }]])
    const calendar = calendarOf([], users)
    const { forecast, dated } = withCalendar(plain, calendar, history())
    const friday = (Date.UTC(2026, 3, 30, 22) / 1000 - origin) / 3600
    const factor = (at: number) =>
      samplePath(forecast, 0, 5).requests[at]! / samplePath(plain, 0, 5).requests[at]!
    expect(factor(friday - 1)).toBe(1)
    for (const hour of [0, 12, 23]) expect(factor(friday + hour)).toBeCloseTo(1 / 3, 1)
    expect(factor(friday + 24)).toBe(1)
    expect(dated.get('chat/eu')).toMatchObject([
      { reason: expect.stringContaining('DE) is forecast like a Sunday') },
    ])
    expect(listDatedSpans(calendar, { model: 'chat', region: 'eu' }, start, origin + 7 * 86_400)).toEqual([
      { from: origin + friday * 3600, to: origin + (friday + 24) * 3600, label: expect.any(String) },
    ])
  })

  it('of the past that were like any day draw those ahead towards that, and are not learned', async () => {
    const holidays = await listHolidays(['DE'], start, origin + 7 * 86_400)
    const users = new Map([['chat/eu', { timeZone: 'Europe/Berlin', countries: 1, holidays }]])
    const whole = history()
    const { history: learned, notes } = adjustHistory(whole, calendarOf([], users))
    expect(learned.workloads[0]!.mask.filter((code) => code === maskReasons.indexOf('event'))).toHaveLength(
      48,
    )
    expect(notes).toHaveLength(2)
    const plain = forecastDemand(learned, options)
    const { forecast } = withCalendar(plain, calendarOf([], users), whole)
    const noon = (Date.UTC(2026, 4, 1, 10) / 1000 - origin) / 3600
    const factor = samplePath(forecast, 0, 5).requests[noon]! / samplePath(plain, 0, 5).requests[noon]!
    // Two holidays at factor 1 against one Sunday at a third: 3 to the power of −1/3.
    expect(factor).toBeCloseTo(3 ** (-1 / 3), 1)
  })
})
