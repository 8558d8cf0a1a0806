import { collectDefaultMetrics, Registry } from 'prom-client'
import type { MetricFamily } from './open-metrics.js'

/** Gauges and counters of the process itself, named as other programs of Node name them. */
export function createProcessMetrics(): () => Promise<MetricFamily[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return async () => {
    const metrics = await registry.getMetricsAsJSON()
    return metrics.flatMap(({ name, type, help, values }): MetricFamily[] => {
      const kind = String(type)
      if (kind !== 'gauge' && kind !== 'counter') return []
      const samples = values.map(({ labels, value }) => ({
        labels: Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)])),
        value,
      }))
      return [
        { name: name.replace(/_total$/, kind === 'counter' ? '' : '_total'), type: kind, help, samples },
      ]
    })
  }
}
