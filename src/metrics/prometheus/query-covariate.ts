import type { CovariateSettings } from '../../config/schema.js'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'
import type { CovariateSource } from '../covariates.js'
import type { DayStore } from './day-store.js'
import type { PrometheusClient } from './prometheus-client.js'
import { fillStep } from './promql.js'
import { readRanges } from './read-range.js'

interface QueryContext {
  client: PrometheusClient
  /** Labels that name a model, default one of the usual ones, and a region. */
  modelLabel: string | undefined
  regionLabel: string | undefined
  parallel: number
  store: DayStore | undefined
  /** What identifies the server in the store. */
  server: string
  now: EpochSeconds
}

const usualModelLabels = ['model_name', 'model']

/** A covariate by a query of a Prometheus. `read` rejects with what the client throws. */
export function queryCovariate(
  { name, workloads, query }: CovariateSettings,
  context: QueryContext,
): CovariateSource {
  const labels = context.modelLabel === undefined ? usualModelLabels : [context.modelLabel]
  return {
    name,
    ...(workloads && { workloads }),
    async read({ from, until, stepSeconds }) {
      const start = Math.floor(from / secondsPerDay) * secondsPerDay
      const to = Math.floor(until / stepSeconds) * stepSeconds
      const [answer] = await readRanges(
        [fillStep(query!, stepSeconds)],
        { from: start, to, stepSeconds },
        context,
      )
      return {
        start,
        stepSeconds,
        columns: answer!.series.map(({ labels: has, values }) => ({
          model: labels.map((label) => has[label]).find(Boolean),
          region: context.regionLabel && has[context.regionLabel],
          values,
        })),
      }
    },
  }
}
