import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CapacityPlan } from '../src/planning/capacity-plan.js'
import { formatPlan } from '../src/planning/plan-file.js'
import { emptyFolder } from './run-cli.js'

/** llmscale.yaml of `prod`, with `environment` beside its region and `more` at the end. */
export const configText = (environment = 'regions: [us-east-1]', more = '') => `
environments:
  prod: {${environment}}
metrics: {files: [demand.csv]}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4}]
planning: {spotCap: 30%}
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
${more}`

/** A folder with llmscale.yaml of `prod` and, in `forecasts/prod`, a plan. */
export function projectFolder(plan: CapacityPlan, config = configText()): string {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'llmscale.yaml'), config)
  writePlanFiles(join(folder, 'forecasts/prod'), plan)
  return folder
}

export function writePlanFiles(folder: string, plan: CapacityPlan): void {
  for (const [path, text] of formatPlan(plan)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
