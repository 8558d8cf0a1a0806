import { parseConfig } from '../../src/config/parse-config.js'
import type { Config } from '../../src/config/schema.js'

export const chatTarget = { kind: 'Deployment', name: 'chat-70b', namespace: 'serving' } as const

/** The configuration of `prod` behind the hand-made plans; the fields given stand over these. */
export function servingConfig(environment: object = {}, workload: object = {}, rest: object = {}): Config {
  const value = {
    environments: { prod: { regions: ['us-east-1', 'eu-west-1'], ...environment } },
    metrics: { files: ['demand.csv'] },
    models: { 'chat-70b': { architecture: 'llama-3.1-70b' } },
    shapes: [{ instanceType: 'p5.48xlarge', gpusPerReplica: 4, precision: 'fp8' }],
    workloads: [
      {
        model: 'chat-70b',
        target: chatTarget,
        slo: { ttftP95: '2s' },
        ...workload,
      },
    ],
    ...rest,
  }
  return parseConfig(JSON.stringify(value), 'llmscale.yaml')
}
