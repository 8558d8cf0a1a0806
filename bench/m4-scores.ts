import type { DemandForecast } from '../src/forecast/demand-forecast.js'
import { forecastDemand } from '../src/forecast/forecast-demand.js'
import type { PointModel } from '../src/forecast/models/point-model.js'
import { pathQuantiles } from '../src/forecast/sample-path.js'
import type { M4Series } from './forecast-data.js'

const stepsPerDay = 24

/** Mean absolute scaled error by M4's definition: scale = mean |y(t) − y(t − 24)| of the training part. */
export function meanAbsoluteScaledError({ train, test }: M4Series, point: Float64Array): number {
  let scale = 0
  for (let hour = stepsPerDay; hour < train.length; hour++)
    scale += Math.abs(train[hour]! - train[hour - stepsPerDay]!) / (train.length - stepsPerDay)
  return test.reduce((sum, actual, hour) => sum + Math.abs(actual - point[hour]!), 0) / test.length / scale
}

/** The forecast of the test part by one model. */
export function forecastSeries(model: PointModel, { train, test }: M4Series): Float64Array {
  const series = { values: train, observed: new Uint8Array(train.length).fill(1), stepsPerDay }
  return model.fit(series, train.length)!(series, train.length, test.length)
}

/** The forecast of the test part as the product makes it. */
export function combineSeries({ train, test }: M4Series): DemandForecast {
  const zeros = new Float64Array(train.length)
  return forecastDemand(
    {
      start: 0,
      stepSeconds: 3600,
      length: train.length,
      workloads: [
        {
          workload: { model: 'm4', region: 'm4' },
          requests: train,
          inputTokens: zeros,
          outputTokens: zeros,
          tokens: 'none',
          mask: new Uint8Array(train.length),
        },
      ],
    },
    { horizonSeconds: test.length * 3600, seed: 1 },
  )
}

/** Share of the test part inside the 90 % interval. */
export function coverage({ test }: M4Series, forecast: DemandForecast): number {
  const { quantiles } = pathQuantiles(forecast, 0, 'requests', [0.05, 0.95])
  return (
    test.filter((actual, hour) => actual >= quantiles[0]![hour]! && actual <= quantiles[1]![hour]!).length /
    test.length
  )
}

export function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
