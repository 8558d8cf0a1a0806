import type { Warning } from '../../kit/errors.js'
import type { EpochSeconds } from '../../kit/units.js'

/** One series of a range query: values at ascending times; NaN and infinite samples are left out and counted. */
export interface Series {
  labels: { readonly [name: string]: string }
  times: Float64Array
  values: Float64Array
}

export interface SeriesAnswer {
  series: Series[]
  /** Samples that were NaN or infinite. */
  unusableSamples: number
  /** What the server adds, such as Thanos' about partial answers. */
  warnings: Warning[]
}

/** The four questions that llmscale asks a server of the Prometheus HTTP API. */
export interface PrometheusClient {
  /** The URL without credentials. */
  readonly name: string
  /** Values of an expression at `from`, `from + stepSeconds`, … up to `to`, both inclusive; at most 11,000 of them. */
  queryRange(query: string, from: EpochSeconds, to: EpochSeconds, stepSeconds: number): Promise<SeriesAnswer>
  /** Values of an expression at one time, default the server's now. */
  queryInstant(query: string, at?: EpochSeconds): Promise<SeriesAnswer>
  /** Values of a label (`__name__` for metric names) among series that match a selector in a window. */
  labelValues(label: string, selector: string, from: EpochSeconds, to: EpochSeconds): Promise<string[]>
  /** Label names of series that match a selector in a window. */
  labelNames(selector: string, from: EpochSeconds, to: EpochSeconds): Promise<string[]>
}
