import type { Warning } from '../../kit/errors.js'
import { formatCount } from '../../kit/format.js'
import { failed, type Judgement, ok, warning } from '../../kit/judgement.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour } from '../../kit/units.js'
import { scrapesPerStep, suggestStep } from './even-step.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { tooManySeries } from './prometheus-source.js'
import { countSeriesQuery } from './promql.js'
import { planQueries } from './query-plan.js'
import { readServerClock } from './server-clock.js'

/** What a server can give: looked at by `doctor` before a plan depends on it. */
export interface ServerReport {
  /** The server, as messages call it. */
  name: string
  /** The server's clock minus this machine's. */
  clock: { skewSeconds: number; isOff: boolean }
  /** Signals that are there. */
  signals: string[]
  /** What counts requests, and how many series of it there are now. */
  counted: { series: string; count: number }[]
  /** Time between two scrapes; undefined where only your own queries are asked. */
  scrapeSeconds?: number
  /** Since when there are data, among what is asked for; to a quarter of a day. */
  since?: EpochSeconds
  findings: Warning[]
}

interface Inspection {
  now: EpochSeconds
  stepSeconds: number
}

const lookSeconds = secondsPerDay / 4

/** Asks a server the least that shows whether a pull would work. Rejects with what a pull would reject with. */
export async function inspectServer(
  client: PrometheusClient,
  settings: PrometheusSettings,
  { now, stepSeconds }: Inspection,
): Promise<ServerReport> {
  const { serverNow, skewSeconds, isOff } = await readServerClock(client, now)
  const to = Math.floor(serverNow / stepSeconds) * stepSeconds
  const from = to - settings.history
  const plan = await planQueries(client, settings, { from, to, stepSeconds }, [])
  const looks = Math.max(1, Math.floor(settings.history / lookSeconds))
  const counted: ServerReport['counted'] = []
  const starts: EpochSeconds[] = []
  for (const series of plan.countedSeries) {
    const query = countSeriesQuery(series)
    const current = await client.queryInstant(query, to)
    counted.push({ series, count: current.series[0]?.values[0] ?? 0 })
    const past = await client.queryRange(query, to - looks * lookSeconds, to, lookSeconds)
    starts.push(...(past.series[0]?.times.subarray(0, 1) ?? []))
  }
  const most: number[] = []
  for (const { signal, query } of plan.queries) {
    if (signal !== 'samples') continue
    const { series } = await client.queryInstant(query, to)
    most.push(...series.map(({ values }) => values[0] ?? 0))
  }
  const signals = new Set(plan.queries.map(({ signal }) => signal).filter((signal) => signal !== 'samples'))
  const samples = most.reduce((a, b) => Math.max(a, b), 0)
  return {
    name: client.name,
    clock: { skewSeconds, isOff },
    signals: [...signals],
    counted,
    ...(samples > 0 && { scrapeSeconds: stepSeconds / samples }),
    ...(starts.length > 0 && { since: Math.min(...starts) }),
    findings: plan.findings,
  }
}

/** What to think of what a server can give: series, clock, retention and how often it scrapes. */
export function judgeServer(
  report: ServerReport,
  { history, maximumSeries }: Pick<PrometheusSettings, 'history' | 'maximumSeries'>,
  { now, stepSeconds }: Inspection,
): Judgement[] {
  return [
    judgeSeries(report, maximumSeries),
    ...report.findings.map(({ message }) => warning(message)),
    judgeClock(report),
    judgeRetention(report, history, now),
    ...(report.scrapeSeconds === undefined ? [] : [judgeScrapes(report.scrapeSeconds, stepSeconds)]),
  ]
}

function judgeSeries({ name, counted, signals }: ServerReport, maximumSeries: number): Judgement {
  const excess = counted.find(({ count }) => count > maximumSeries)
  if (excess !== undefined) return failed(tooManySeries(name, excess.series, excess.count, maximumSeries))
  const count = counted.reduce((sum, each) => sum + each.count, 0)
  const has = `it has ${signals.join(', ')}`
  return count > 0
    ? ok(`reachable; ${formatCount(count)} series count requests; ${has}`)
    : warning(
        `reachable; nothing counts requests now; ${has}`,
        'Look whether the servers run and are scraped.',
      )
}

function judgeClock({ clock: { skewSeconds, isOff } }: ServerReport): Judgement {
  const skew = Math.abs(skewSeconds)
  if (!isOff) return ok(`clock: within ${formatDuration(Math.max(1, Math.ceil(skew)))} of this machine's`)
  return warning(
    `clock: ${formatDuration(Math.round(skew))} ${skewSeconds > 0 ? 'ahead of' : 'behind'} this machine's`,
    'Let both follow a time server (NTP).',
  )
}

function judgeRetention({ since }: ServerReport, history: number, now: EpochSeconds): Judgement {
  const asked = formatDuration(history)
  if (since === undefined)
    return warning(`retention: no data in the last ${asked}`, 'Look at presets, queries and matchers.')
  if (now - since >= history - secondsPerDay) return ok(`retention: has the ${asked} that are read`)
  return warning(
    `retention: data since ${formatInstant(since)}, ${formatDuration(toHours(now - since))} of the ${asked} that are read`,
    'Keep more, or let llmscale metrics pull write files day by day; two weeks give a weekly season.',
  )
}

function judgeScrapes(scrapeSeconds: number, stepSeconds: number): Judgement {
  const scraped = `scraped every ${formatDuration(Math.round(scrapeSeconds))}, read every ${formatDuration(stepSeconds)}`
  if (stepSeconds >= scrapesPerStep * scrapeSeconds) return ok(scraped)
  return warning(
    `${scraped}: increases of so few scrapes are rough`,
    `Set forecast.step to ${suggestStep(scrapeSeconds)} or more.`,
  )
}

function toHours(seconds: number): number {
  return Math.round(seconds / secondsPerHour) * secondsPerHour
}
