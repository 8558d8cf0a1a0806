import { roundTo } from '../kit/canonical.js'
import { formatInstant } from '../kit/time.js'
import { type DemandMetric, demandMetrics } from '../metrics/demand-history.js'
import { type DemandForecast, forecastQuantiles } from './demand-forecast.js'
import { pathQuantiles } from './sample-path.js'

const metricNames: Record<DemandMetric, string> = {
  requests: 'requests',
  inputTokens: 'input_tokens',
  outputTokens: 'output_tokens',
}

/** Columns of a forecast file, in order. */
const forecastColumns = [
  'timestamp',
  'model',
  'region',
  'tenant',
  'metric',
  'mean',
  ...forecastQuantiles.map((probability) => `q${probability}`),
] as const

/**
 * A forecast file: amounts a step, to six significant digits, by workload, metric and time. Token metrics of a
 * workload without tokens have no rows.
 */
export function forecastCsv(forecast: DemandForecast): string {
  const timestamps = Array.from({ length: forecast.length }, (_, lead) =>
    formatInstant(forecast.origin + lead * forecast.stepSeconds),
  )
  const lines: string[] = [forecastColumns.join(',')]
  forecast.workloads.forEach(({ workload, tokens }, index) => {
    const names = [workload.model, workload.region, workload.tenant ?? ''].map(csvField).join(',')
    for (const metric of demandMetrics) {
      if (metric !== 'requests' && tokens === 'none') continue
      const { mean, quantiles } = pathQuantiles(forecast, index, metric)
      timestamps.forEach((timestamp, lead) => {
        const amounts = [mean, ...quantiles].map((column) => roundTo(column[lead]!)).join(',')
        lines.push(`${timestamp},${names},${metricNames[metric]},${amounts}`)
      })
    }
  })
  return `${lines.join('\n')}\n`
}

function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
