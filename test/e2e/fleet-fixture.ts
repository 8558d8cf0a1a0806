import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant } from '../../src/kit/time.js'
import { secondsPerDay, secondsPerHour } from '../../src/kit/units.js'
import { emptyFolder } from '../run-cli.js'

/** The end of `hourlyDemand`: a plan as of then has fresh data. */
export const asOf = '2026-03-16T00:00:00Z'
const end = Date.parse(asOf) / 1000

export const config = `environments:
  prod: { regions: [us-east-1] }
metrics: { files: [demand.csv] }
shapes:
  - { instanceType: p5.48xlarge, gpusPerReplica: 1 }
  - { instanceType: g6e.xlarge, gpusPerReplica: 1 }
workloads:
  - model: llama-3.1-8b
    target: { kind: Deployment, name: chat }
    slo: { ttftP95: 2s, itlP95: 50ms }
    shapes: [1xH100-bf16@p5.48xlarge]
`

/** Of another shape than the first, so that it alone fills a pool. */
export const secondWorkload = `  - model: llama-3.1-8b
    tenant: batch
    target: { kind: Deployment, name: batch }
    slo: { endToEndP95: 60s }
    shapes: [1xL40S-bf16@g6e.xlarge]
`

/** Lines of a demand file up to `asOf`: a header, then a row an hour with a wave a day. */
export function hourlyDemand(options: { days?: number; model?: string; requests?: number } = {}): string[] {
  const { days = 14, model = 'llama-3.1-8b', requests = 20_000 } = options
  const rows = Array.from({ length: days * 24 }, (_, hour) => {
    const wave = 1 + 0.8 * Math.sin((2 * Math.PI * hour) / 24) + 0.05 * Math.sin(hour * hour)
    const count = Math.round(requests * wave)
    const time = formatInstant(end - days * secondsPerDay + hour * secondsPerHour)
    return `${time},${model},us-east-1,${count},${count * 800},${count * 200}`
  })
  return ['timestamp,model,region,requests,input_tokens,output_tokens', ...rows]
}

/** A folder with llmscale.yaml and its demand.csv. */
export function fleetFolder(files: { config?: string; demand?: string[] } = {}): string {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'llmscale.yaml'), files.config ?? config)
  writeFileSync(join(folder, 'demand.csv'), `${(files.demand ?? hourlyDemand()).join('\n')}\n`)
  return folder
}
