import { describe, expect, it } from 'vitest'
import { forecastDemand } from '../../src/forecast/forecast-demand.js'
import { secondsPerDay } from '../../src/kit/units.js'
import { type DemandHistory, maskReasons } from '../../src/metrics/demand-history.js'
import { drawForecastChart } from '../../src/review/forecast-chart.js'
import { drawForecastPicture } from '../../src/review/forecast-picture.js'
import { type ForecastView, viewForecast } from '../../src/review/forecast-view.js'
import { historyOf, noisyDemand } from '../forecast/history-fixture.js'

const start = Date.parse('2025-03-03T00:00:00Z') / 1000

function maskedHistory(): DemandHistory {
  const demand = noisyDemand('chat & <code>', 16, 5)
  for (const [from, to, reason] of [
    [14 * 24, 14 * 24 + 6, 'gap'],
    [14 * 24 + 6, 14 * 24 + 9, 'attack'],
  ] as const)
    for (let step = from; step < to; step++) {
      demand.mask[step] = maskReasons.indexOf(reason)
      demand.requests[step] = Number.NaN
    }
  return { ...historyOf([noisyDemand('other', 16, 9), demand]), start }
}

const history = maskedHistory()
const forecast = forecastDemand(history, { horizonSeconds: 2 * secondsPerDay, seed: 1 })
const launch = { from: start + 17 * secondsPerDay, to: start + 18 * secondsPerDay, label: 'launch of "v2"' }
const past = { ...launch, from: start, to: start + secondsPerDay }
const view = viewForecast(history, forecast, history.workloads[1]!.workload, 4 * secondsPerDay, [
  launch,
  past,
])

describe('viewForecast', () => {
  it('shows rates, ordered bands, what is not learned from and the events in view', () => {
    expect(view.workload).toBe('chat & <code>/us-east-1')
    expect(view.start).toBe(start + 12 * secondsPerDay)
    expect(view.past).toHaveLength(4 * 24)
    expect(view.past[0]).toBeCloseTo(history.workloads[1]!.requests[12 * 24]! / 3600)
    expect(view.masked).toEqual([
      { from: start + 14 * secondsPerDay, to: start + 14 * secondsPerDay + 6 * 3600, label: 'gap' },
      {
        from: start + 14 * secondsPerDay + 6 * 3600,
        to: start + 14 * secondsPerDay + 9 * 3600,
        label: 'attack',
      },
    ])
    expect(view.events).toEqual([launch])
    const [widest, , narrowest] = view.bands
    view.median.forEach((rate, lead) => {
      const values = [widest!.low, narrowest!.low, [], narrowest!.high, widest!.high].map(
        (each) => each[lead],
      )
      values[2] = rate
      expect(values).toEqual(values.toSorted((a, b) => a! - b!))
    })
  })
})

describe('drawForecastPicture', () => {
  it('is 80 columns wide at most, with marks below what they mark', () => {
    const lines = drawForecastPicture(view).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    const axis = lines.findIndex((line) => line.includes('┴'))
    const masked = lines.find((line) => line.includes('masked'))!
    const events = lines.find((line) => line.includes('events'))!
    // Columns of 3 h: the third day starts 16 columns after the first.
    expect(masked.indexOf('×')).toBe(9 + 2 * 8)
    expect(masked.match(/×/g)).toHaveLength(3)
    expect(events.indexOf('▲')).toBe(9 + 5 * 8)
    expect(lines[axis + 1]).toMatch(/^ {9}03-15 {3}03-16 .*03-20$/)
    expect(lines.join('\n')).toMatch(/2025-03-17 00:00 … 2025-03-17 06:00 {2}6h {2}gap/)
  })

  it('has a full bar for the highest and none for nothing', () => {
    const flat: ForecastView = {
      ...view,
      past: Float64Array.from([0, 10, Number.NaN]),
      median: Float64Array.from([5]),
      bands: view.bands.map(({ share }) => ({ share, low: Float64Array.of(4), high: Float64Array.of(10) })),
      masked: [],
      events: [],
    }
    const rows = drawForecastPicture(flat).split('\n').slice(1, 15)
    const column = (at: number) => rows.map((row) => row[9 + at] ?? ' ').join('')
    expect(column(0).trim()).toBe('')
    expect(column(1)).toBe('█'.repeat(14))
    expect(column(2).trim()).toBe('')
    expect(column(3)).toMatch(/^▓{6,7}━▓{1,2} +$/)
  })

  it('draws demand of nothing', () => {
    const zero = new Float64Array(4)
    const nothing = {
      ...view,
      past: zero,
      median: zero,
      bands: view.bands.map((band) => ({ ...band, low: zero, high: zero })),
    }
    expect(drawForecastPicture(nothing)).not.toMatch(/NaN|Infinity/)
    expect(drawForecastChart(nothing)).not.toMatch(/NaN|Infinity/)
  })
})

describe('drawForecastChart', () => {
  it('is well-formed, with hostile names escaped and the line broken where nothing is known', () => {
    const svg = drawForecastChart(view)
    expect(svg).toContain('chat &amp; &lt;code&gt;/us-east-1')
    expect(svg).toContain('launch of &quot;v2&quot;')
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    expect(svg.match(/class="band" d=/g)).toHaveLength(3)
    expect(/class="past" d="([^"]*)"/.exec(svg.split('past</text>')[1]!)![1]!.match(/M/g)).toHaveLength(2)
  })

  it('thins a long history', () => {
    const long = {
      ...view,
      past: new Float64Array(50_000).fill(1),
      start: view.origin - 50_000 * 60,
      stepSeconds: 60,
    }
    expect(drawForecastChart(long).length).toBeLessThan(60_000)
  })
})
