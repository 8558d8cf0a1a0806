import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { countSeriesQuery } from './promql.js'
import { planQueries } from './query-plan.js'
import { readServerClock } from './server-clock.js'

/** What a server can give: looked at by `doctor` before a plan depends on it. */
export interface ServerReport {
  /** The server's clock minus this machine's. */
  clock: { skewSeconds: number; isOff: boolean }
  /** Signals that are there. */
  signals: string[]
  /** Series behind the count of requests, now. */
  series: number
  /** Time between two scrapes; undefined where only your own queries are asked. */
  scrapeSeconds?: number
  /** Since when there are data, among what is asked for; to a quarter of a day. */
  since?: EpochSeconds
}

const lookSeconds = secondsPerDay / 4

/** Asks a server the least that shows whether a pull would work. Rejects with what a pull would reject with. */
export async function inspectServer(
  client: PrometheusClient,
  settings: PrometheusSettings,
  { now, stepSeconds }: { now: EpochSeconds; stepSeconds: number },
): Promise<ServerReport> {
  const { serverNow, skewSeconds, isOff } = await readServerClock(client, now)
  const to = Math.floor(serverNow / stepSeconds) * stepSeconds
  const from = to - settings.history
  const { queries, countedSeries } = await planQueries(client, settings, { from, to, stepSeconds }, [])
  const count = countSeriesQuery(countedSeries)
  const looks = Math.max(1, Math.floor(settings.history / lookSeconds))
  const past = await client.queryRange(count, to - looks * lookSeconds, to, lookSeconds)
  const current = await client.queryInstant(count, to)
  const samplesQuery = queries.find(({ signal }) => signal === 'samples')
  const samples = samplesQuery && (await client.queryInstant(samplesQuery.query, to))
  const most = Math.max(0, ...(samples?.series.map(({ values }) => values[0] ?? 0) ?? []))
  const since = past.series[0]?.times[0]
  return {
    clock: { skewSeconds, isOff },
    signals: queries.map(({ signal }) => signal).filter((signal) => signal !== 'samples'),
    series: current.series[0]?.values[0] ?? 0,
    ...(most > 0 && { scrapeSeconds: stepSeconds / most }),
    ...(since !== undefined && { since }),
  }
}
