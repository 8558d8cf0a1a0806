import pLimit from 'p-limit'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import type { DaySeries, DayStore } from './day-store.js'
import type { PrometheusClient, SeriesAnswer } from './prometheus-client.js'

/** The values of one expression on the steps of a window. Step i ends at `from + (i + 1) × stepSeconds`. */
export interface RangeAnswer {
  series: DaySeries[]
  samples: number
  unusableSamples: number
  warnings: Warning[]
}

export interface RangeWindow {
  /** Midnight UTC. */
  from: EpochSeconds
  /** A whole number of steps later. */
  to: EpochSeconds
  stepSeconds: number
}

interface RangeReader {
  client: PrometheusClient
  /** Requests at a time. */
  parallel: number
  /** Where answers are kept, and what identifies the server there. */
  store?: DayStore | undefined
  server: string
  /** The server's clock: days that ended an hour before it change no more. */
  now: EpochSeconds
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** Prometheus refuses more points a series; https://github.com/prometheus/prometheus/blob/main/web/api/v1/api.go */
const mostPoints = 11_000
/** Requests for more days at once are no faster, and an interrupted one loses more. */
const mostDays = 7
const settledSeconds = 3600

/**
 * Values of expressions in a window: days that the store knows from there, the others in chunks, each kept as soon
 * as it has come, so that an interrupted read goes on where it stopped. A chunk that is too much for the server is
 * halved. The step must divide a day.
 */
export async function readRanges(
  queries: readonly string[],
  window: RangeWindow,
  reader: RangeReader,
): Promise<RangeAnswer[]> {
  const { stepSeconds } = window
  const { store } = reader
  const answers = queries.map(() => new RangeColumns(window))
  const chunks: { index: number; from: EpochSeconds; to: EpochSeconds }[] = []
  for (const [index, query] of queries.entries()) {
    const stored = await store?.load({ server: reader.server, query, stepSeconds }, window.from, window.to)
    for (const [day, series] of stored ?? []) answers[index]!.addDay(day, series)
    for (const chunk of missingChunks(window, stored)) chunks.push({ index, ...chunk })
  }
  const limit = pLimit({ concurrency: reader.parallel, rejectOnClear: true })
  let done = 0
  reader.onProgress?.(done, chunks.length)
  const tasks = chunks.map(({ index, from, to }) =>
    limit(async () => {
      const answer = answers[index]!
      await readChunk(queries[index]!, { from, to, stepSeconds }, reader.client, answer)
      if (store !== undefined && !answer.isPartial()) {
        const days = answer.daysOf(from, Math.min(to, reader.now - settledSeconds))
        await store.save({ server: reader.server, query: queries[index]!, stepSeconds }, days)
      }
      reader.onProgress?.(++done, chunks.length)
    }),
  )
  try {
    await Promise.all(tasks)
  } catch (cause) {
    // What is on its way is kept still; what waits is not asked any more.
    limit.clearQueue()
    await Promise.allSettled(tasks)
    throw cause
  }
  return answers.map((answer) => answer.toAnswer())
}

/** Runs of days that are not stored, cut into chunks that a server answers. */
function missingChunks(
  { from, to, stepSeconds }: RangeWindow,
  stored: ReadonlyMap<EpochSeconds, unknown> | undefined,
): { from: EpochSeconds; to: EpochSeconds }[] {
  const days = Math.max(1, Math.min(mostDays, Math.floor((mostPoints * stepSeconds) / secondsPerDay)))
  const chunks: { from: EpochSeconds; to: EpochSeconds }[] = []
  for (let day = from; day < to; day += secondsPerDay) {
    if (stored?.has(day)) continue
    const last = chunks.at(-1)
    const end = Math.min(to, day + secondsPerDay)
    if (last?.to === day && last.to - last.from < days * secondsPerDay) last.to = end
    else chunks.push({ from: day, to: end })
  }
  return chunks
}

async function readChunk(
  query: string,
  { from, to, stepSeconds }: RangeWindow,
  client: PrometheusClient,
  answer: RangeColumns,
): Promise<void> {
  const points = Math.round((to - from) / stepSeconds)
  if (points <= mostPoints) {
    try {
      answer.add(await client.queryRange(query, from + stepSeconds, to, stepSeconds))
      return
    } catch (cause) {
      if (points === 1 || !(cause instanceof LlmscaleError && cause.code === 'QUERY_TOO_LARGE')) throw cause
    }
  }
  const middle = from + Math.floor(points / 2) * stepSeconds
  await readChunk(query, { from, to: middle, stepSeconds }, client, answer)
  await readChunk(query, { from: middle, to, stepSeconds }, client, answer)
}

/** Gathers the values of one expression on the window's grid, series by series. */
class RangeColumns {
  unusableSamples = 0
  readonly warnings: Warning[] = []
  private samples = 0
  private readonly window: RangeWindow
  private readonly byLabels = new Map<string, DaySeries>()

  constructor(window: RangeWindow) {
    this.window = window
  }

  add({ series, unusableSamples, warnings }: SeriesAnswer): void {
    const { from, stepSeconds } = this.window
    this.unusableSamples += unusableSamples
    this.warnings.push(...warnings)
    for (const { labels, times, values } of series) {
      const column = this.columnOf(labels)
      for (let at = 0; at < times.length; at++) {
        column[Math.round((times[at]! - from) / stepSeconds) - 1] = values[at]!
      }
      this.samples += times.length
    }
  }

  addDay(day: EpochSeconds, series: readonly DaySeries[]): void {
    const offset = this.stepAt(day)
    for (const { labels, values } of series) {
      const column = this.columnOf(labels)
      const known = values.subarray(0, column.length - offset)
      column.set(known, offset)
      for (const value of known) if (!Number.isNaN(value)) this.samples++
    }
  }

  /** The whole days of a part of the window; none where the window has no value at all: there may be a fault. */
  daysOf(from: EpochSeconds, to: EpochSeconds): Map<EpochSeconds, DaySeries[]> {
    const days = new Map<EpochSeconds, DaySeries[]>()
    const hasValue = ({ values }: DaySeries) => values.some((value) => !Number.isNaN(value))
    if (![...this.byLabels.values()].some(hasValue)) return days
    for (let day = from; day + secondsPerDay <= to; day += secondsPerDay) {
      const [first, end] = [this.stepAt(day), this.stepAt(day + secondsPerDay)]
      const series = [...this.byLabels.values()].map(({ labels, values }) => ({
        labels,
        values: values.subarray(first, end),
      }))
      days.set(day, series.filter(hasValue))
    }
    return days
  }

  /** A server of several stores warns when one of them did not answer. */
  isPartial(): boolean {
    return this.warnings.some(({ code }) => code === 'PROMETHEUS_WARNING')
  }

  toAnswer(): RangeAnswer {
    const { samples, unusableSamples, warnings } = this
    return { series: [...this.byLabels.values()], samples, unusableSamples, warnings }
  }

  private stepAt(time: EpochSeconds): number {
    return Math.round((time - this.window.from) / this.window.stepSeconds)
  }

  private columnOf(labels: DaySeries['labels']): Float64Array {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    let series = this.byLabels.get(key)
    if (series === undefined) {
      const length = this.stepAt(this.window.to)
      series = { labels, values: new Float64Array(length).fill(Number.NaN) }
      this.byLabels.set(key, series)
    }
    return series.values
  }
}
