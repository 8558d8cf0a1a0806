import type { Config } from '../../config/schema.js'

type Source = NonNullable<Config['metrics']['sources']>[number]

/** `prometheus:` of a source in llmscale.yaml. */
export type PrometheusSettings = NonNullable<Source['prometheus']>
