import { roundTo } from '../kit/canonical.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import type { ForecastView, ViewedSpan } from './forecast-view.js'

const rows = 14
const labelWidth = 8
const eighths = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇']
/** The widest band first, as in a view. */
const shades = ['░', '▒', '▓']
/** Share of a character's height that a band must cover. */
const leastOverlap = 0.3
const mostSpans = 8
/** Of demand of nothing, so that a share of the top is a number. */
const leastRate = 1e-9

interface Column {
  from: EpochSeconds
  /** Mean requests per second; NaN where nothing was observed, and ahead. */
  past: number
  /** Means of the quantiles; undefined in the past. */
  ahead: { median: number; bands: { low: number; high: number }[] } | undefined
}

/**
 * A chart in characters, `width` wide: bars of what was, and shades of the intervals of what may come with the median in
 * them; below it marks of masked spans and of events, and both as a list. Means of each column, in UTC.
 */
export function drawForecastPicture(view: ForecastView, width = 80): string {
  const columns = takeColumns(view, width - labelWidth - 1)
  const top = Math.max(
    ...columns.flatMap(({ past, ahead }) => [past || 0, ahead === undefined ? 0 : ahead.bands[0]!.high]),
    leastRate,
  )
  const secondsPerColumn = columns.length > 1 ? columns[1]!.from - columns[0]!.from : view.stepSeconds
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = row % 4 === 0 || row === rows - 1 ? formatRate(((rows - row) / rows) * top) : ''
    const cells = columns.map((column) => drawCell(column, (rows - row - 1) / rows, (rows - row) / rows, top))
    return `${label.padStart(labelWidth)} ${cells.join('')}`.trimEnd()
  })
  return [
    `${view.workload}: requests per second, mean of each ${formatDuration(secondsPerColumn)}`,
    ...lines,
    ...drawDates(columns, secondsPerColumn, width),
    ...drawMarks('masked', '×', view.masked, columns, secondsPerColumn),
    ...drawMarks('events', '▲', view.events, columns, secondsPerColumn),
    `${' '.repeat(labelWidth)} █ past   ${shades.map((shade, index) => `${shade} ${view.bands[index]!.share * 100} %`).join('   ')}   ━ median, from ${shortTime(view.origin)} UTC`,
    ...listSpans('Not learned from', view.masked),
    ...listSpans('Events', view.events),
  ].join('\n')
}

/** Both parts on one scale of time; a column is a whole number of steps. */
function takeColumns(view: ForecastView, most: number): Column[] {
  const { past, median, bands, start, origin, stepSeconds } = view
  const stride = chooseStride(Math.ceil((past.length + median.length) / most), stepSeconds)
  const behind = Array.from({ length: Math.floor(past.length / stride) }, (_, index): Column => {
    const from = past.length - (Math.floor(past.length / stride) - index) * stride
    return {
      from: start + from * stepSeconds,
      past: meanOf(past, from, from + stride),
      ahead: undefined,
    }
  })
  const before = Array.from({ length: Math.floor(median.length / stride) || 1 }, (_, index): Column => {
    const [from, to] = [index * stride, (index + 1) * stride]
    return {
      from: origin + from * stepSeconds,
      past: Number.NaN,
      ahead: {
        median: meanOf(median, from, to),
        bands: bands.map(({ low, high }) => ({ low: meanOf(low, from, to), high: meanOf(high, from, to) })),
      },
    }
  })
  return [...behind, ...before]
}

/** At least so many steps, as many as divide a day where there are. */
function chooseStride(least: number, stepSeconds: number): number {
  for (let stride = least; stride * stepSeconds <= secondsPerDay; stride++)
    if (secondsPerDay % (stride * stepSeconds) === 0) return stride
  return least
}

function meanOf(values: Float64Array, from: number, to: number): number {
  const known = values.subarray(from, to).filter((value) => !Number.isNaN(value))
  return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length
}

/** The character of a column between two heights, as shares of the top. */
function drawCell({ past, ahead }: Column, low: number, high: number, top: number): string {
  if (ahead === undefined) {
    const filled = (past / top - low) / (high - low)
    if (!(filled > 0)) return ' '
    return filled >= 1 ? '█' : eighths[Math.floor(filled * 8)]!
  }
  const isIn = (value: number) => value / top >= low && (value / top < high || (high === 1 && value >= top))
  if (isIn(ahead.median)) return '━'
  const inside = ahead.bands.findLastIndex((band) => {
    const shared = Math.min(high, band.high / top) - Math.max(low, band.low / top)
    return shared >= leastOverlap * (high - low)
  })
  return inside < 0 ? ' ' : shades[inside]!
}

function drawDates(columns: readonly Column[], secondsPerColumn: number, width: number): string[] {
  let axis = ' '.repeat(labelWidth + 1)
  let dates = axis
  columns.forEach(({ from }, index) => {
    const day = Math.ceil(from / secondsPerDay) * secondsPerDay
    const isStart = day < from + secondsPerColumn
    axis += isStart ? '┴' : '─'
    const text = formatInstant(day).slice(5, 10)
    const at = labelWidth + 1 + index
    if (isStart && dates.trimEnd().length < at && at + text.length <= width) dates = dates.padEnd(at) + text
  })
  return [axis, dates]
}

function drawMarks(
  name: string,
  mark: string,
  spans: readonly ViewedSpan[],
  columns: readonly Column[],
  secondsPerColumn: number,
): string[] {
  if (spans.length === 0) return []
  const marks = columns.map(({ from }) =>
    spans.some((span) => span.from < from + secondsPerColumn && span.to > from) ? mark : ' ',
  )
  return [`${name.padStart(labelWidth)} ${marks.join('')}`.trimEnd()]
}

function listSpans(title: string, spans: readonly ViewedSpan[]): string[] {
  if (spans.length === 0) return []
  const shown = spans.slice(-mostSpans)
  const left = spans.length - shown.length
  return [
    `${title}${left > 0 ? `, the last ${shown.length} of ${spans.length}` : ''}:`,
    ...shown.map(
      ({ from, to, label }) =>
        `  ${shortTime(from)} … ${shortTime(to)}  ${formatDuration(to - from)}  ${label}`,
    ),
  ]
}

function shortTime(instant: EpochSeconds): string {
  return formatInstant(instant).slice(0, 16).replace('T', ' ')
}

function formatRate(rate: number): string {
  return String(roundTo(rate, 3))
}
