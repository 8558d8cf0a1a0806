import { roundTo } from '../kit/canonical.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { escapeXml } from './escape-xml.js'
import type { ForecastView } from './forecast-view.js'

const width = 860
const height = 360
const frame = { left: 60, right: 844, top: 72, bottom: 300 }
/** More points than pixels only make the file larger. */
const mostPoints = 1500
/** Of demand of nothing, so that a share of the top is a number. */
const leastRate = 1e-9

/** Colours of GitHub's light and dark pages. */
const style = `
  .page { fill: #ffffff } text { fill: #59636e; font: 12px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  .title { fill: #1f2328; font-size: 15px; font-weight: 600 } .grid { stroke: #d1d9e0 }
  .past { fill: none; stroke: #59636e; stroke-width: 1.2 } .median { fill: none; stroke: #0550ae; stroke-width: 1.8 }
  .band { fill: #54aeff; fill-opacity: 0.24 } .masked { fill: #cf222e; fill-opacity: 0.16 }
  .event { fill: #bf8700; fill-opacity: 0.16 } .origin { stroke: #59636e; stroke-dasharray: 4 3 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #3d444d }
    .past { stroke: #9198a1 } .median { stroke: #79c0ff } .band { fill: #388bfd } .masked { fill: #f85149 }
    .event { fill: #d29922 } .origin { stroke: #9198a1 }
  }`

/** An SVG of one workload: what was, the fan of what may come, events and what is not learned from, in UTC. */
export function drawForecastChart(view: ForecastView): string {
  const { past, median, bands, masked, events, start, origin, stepSeconds } = view
  const end = origin + median.length * stepSeconds
  const most = Math.max(
    leastRate,
    ...past.map((rate) => rate || 0),
    ...bands.flatMap(({ high }) => [...high]),
  )
  const tick = chooseTick(most)
  const top = Math.ceil(most / tick) * tick
  const x = (instant: EpochSeconds) =>
    round(frame.left + ((instant - start) / (end - start)) * (frame.right - frame.left))
  const y = (rate: number) => round(frame.bottom - (rate / top) * (frame.bottom - frame.top))
  const place = { x, y, stepSeconds, stride: Math.ceil((past.length + median.length) / mostPoints) }
  const name = escapeXml(`${view.workload}: requests per second`)
  const days = Math.ceil((end - start) / secondsPerDay)
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${name}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${name}</text>`,
    ...drawLegend(masked.length > 0, events.length > 0),
    ...Array.from({ length: Math.round(top / tick) + 1 }, (_, level) =>
      drawLevel(level * tick, y(level * tick)),
    ),
    ...dayStarts(start, end, Math.ceil(days / 14)).map((day) => drawDate(day, x)),
    ...masked.map((span) => drawSpan('masked', span.from, span.to, span.label, x)),
    ...events.map((span) => drawSpan('event', span.from, span.to, span.label, x)),
    ...bands.map(({ low, high }) => `<path class="band" d="${traceBand(low, high, origin, place)}"/>`),
    `<path class="past" d="${traceLine(past, start, place)}"/>`,
    `<path class="median" d="${traceLine(median, origin, place)}"/>`,
    `<line class="origin" x1="${x(origin)}" y1="${frame.top}" x2="${x(origin)}" y2="${frame.bottom}"/>`,
    `<text x="16" y="${height - 10}">Steps of ${formatDuration(stepSeconds)}, UTC. Forecast from ${formatInstant(origin)}; intervals of each step, read off the sample paths.</text>`,
    '</svg>',
  ].join('\n')}\n`
}

interface Place {
  x: (instant: EpochSeconds) => number
  y: (rate: number) => number
  stepSeconds: number
  /** Steps that become one point: their mean. */
  stride: number
}

/** A line that is broken where nothing is known. */
function traceLine(rates: Float64Array, start: EpochSeconds, { x, y, stepSeconds, stride }: Place): string {
  let isDrawing = false
  return thin(rates, stride)
    .map((rate, index) => {
      const command = isDrawing ? 'L' : 'M'
      isDrawing = !Number.isNaN(rate)
      return isDrawing ? `${command}${x(start + (index + 0.5) * stride * stepSeconds)} ${y(rate)}` : ''
    })
    .join('')
}

function traceBand(
  low: Float64Array,
  high: Float64Array,
  start: EpochSeconds,
  { x, y, stepSeconds, stride }: Place,
): string {
  const points = (rates: Float64Array) =>
    thin(rates, stride).map((rate, index) => `${x(start + (index + 0.5) * stride * stepSeconds)} ${y(rate)}`)
  return `M${[...points(high), ...points(low).reverse()].join('L')}Z`
}

function thin(rates: Float64Array, stride: number): number[] {
  return Array.from({ length: Math.ceil(rates.length / stride) }, (_, index) => {
    const known = rates.subarray(index * stride, (index + 1) * stride).filter((rate) => !Number.isNaN(rate))
    return known.length === 0 ? Number.NaN : known.reduce((sum, rate) => sum + rate, 0) / known.length
  })
}

function drawSpan(kind: string, from: EpochSeconds, to: EpochSeconds, label: string, x: Place['x']): string {
  const [left, right] = [Math.max(frame.left, x(from)), Math.min(frame.right, x(to))]
  return `<rect class="${kind}" x="${left}" y="${frame.top}" width="${round(Math.max(1, right - left))}" height="${frame.bottom - frame.top}"><title>${escapeXml(label)}</title></rect>`
}

function drawLevel(rate: number, at: number): string {
  return `<line class="grid" x1="${frame.left}" y1="${at}" x2="${frame.right}" y2="${at}"/><text x="${frame.left - 8}" y="${at + 4}" text-anchor="end">${roundTo(rate, 4)}</text>`
}

function drawDate(day: EpochSeconds, x: Place['x']): string {
  return `<line class="grid" x1="${x(day)}" y1="${frame.bottom}" x2="${x(day)}" y2="${frame.bottom + 5}"/><text x="${x(day)}" y="${frame.bottom + 20}" text-anchor="middle">${formatInstant(day).slice(5, 10)}</text>`
}

function dayStarts(start: EpochSeconds, end: EpochSeconds, every: number): EpochSeconds[] {
  const first = Math.ceil(start / secondsPerDay) * secondsPerDay
  return Array.from(
    { length: Math.floor((end - first) / (every * secondsPerDay)) + 1 },
    (_, index) => first + index * every * secondsPerDay,
  )
}

function drawLegend(hasMasked: boolean, hasEvents: boolean): string[] {
  const entries = [
    ['past', 'past'],
    ['median', 'median'],
    ['band', '50, 80 and 90 %'],
    ...(hasMasked ? [['masked', 'not learned from']] : []),
    ...(hasEvents ? [['event', 'event']] : []),
  ] as [string, string][]
  let from = 16
  return entries.map(([kind, label]) => {
    const at = round(from)
    from += 44 + label.length * 6.6
    const mark =
      kind === 'past' || kind === 'median'
        ? `<path class="${kind}" d="M${at} 44H${at + 24}"/>`
        : `<rect class="${kind}" x="${at}" y="38" width="24" height="12"/>`
    return `${mark}<text x="${round(at + 30)}" y="48">${label}</text>`
  })
}

/** 1, 2 or 5 times a power of ten, for at most six levels. */
function chooseTick(most: number): number {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].find((factor) => factor * power >= rough)! * power
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
