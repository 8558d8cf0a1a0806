import { parseConfig } from '../../src/config/parse-config.js'
import type { Config } from '../../src/config/schema.js'
import { createRandom } from '../../src/kit/random.js'
import { formatInstant, parseInstant } from '../../src/kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../../src/kit/units.js'
import type { ReadDemand } from '../../src/live/load-window.js'
import type { PlanReading } from '../../src/live/plan-source.js'
import { tableSource } from '../../src/live/table-source.js'
import type { DemandTable, TableColumns } from '../../src/metrics/demand-table.js'
import { readDemand } from '../../src/metrics/read-demand.js'
import type { CapacityPlan, WorkloadDecision } from '../../src/planning/capacity-plan.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'

export const day = parseInstant('2026-11-20T00:00:00Z')!
export const stepSeconds = 300
export const everySeconds = 300

export const liveConfigText = (more = '') => `
environments:
  prod: {regions: [us-east-1]}
metrics: {files: [demand.csv]}
models: {chat-70b: {architecture: llama-3.1-70b}}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 4, precision: fp8}]
live: {enabled: true}
workloads:
  - model: chat-70b
    target: {kind: Deployment, name: chat-70b, namespace: serving}
    slo: {ttftP95: 2s}
${more}`

export const liveConfig: Config = parseConfig(liveConfigText(), 'llmscale.yaml')

/** A plan that was made a day before `day` and is valid for a week, whose one workload has an open gate. */
export function livePlan(
  fields: Partial<WorkloadDecision> = {},
  header: Partial<CapacityPlan['header']> = {},
  made: EpochSeconds = day - secondsPerDay,
): CapacityPlan {
  const origin = formatInstant(made)
  const validUntil = formatInstant(made + 7 * secondsPerDay)
  const decision = workloadDecision({
    timeZone: 'UTC',
    floors: { minReplicas: 2, windows: [], exceptions: [] },
    live: { quantile: 0.95, maximum: 30 },
    ...fields,
  })
  return capacityPlan({ workloads: [decision] }, { origin, dataThrough: origin, validUntil, ...header })
}

export function readingOf(plan: CapacityPlan, fields: Partial<PlanReading> = {}): PlanReading {
  return { plan, holds: [], place: 'forecasts/prod', ...fields }
}

/**
 * Requests of some models by step: quiet nights, and work that starts at eight sharp. From 15 days before `from` on.
 * @param until end of the last step
 */
export function demandTable(
  until: EpochSeconds,
  models: readonly string[] = ['chat-70b'],
  seed = 7,
): DemandTable {
  const start = Math.floor(until / secondsPerDay) * secondsPerDay - 15 * secondsPerDay
  const length = Math.round((until - start) / stepSeconds)
  const { uniform } = createRandom(seed)
  const workloads = models.map((model): TableColumns => {
    const requests = Float64Array.from({ length }, (_, step) => {
      const hour = (((start + step * stepSeconds) % secondsPerDay) + 0) / 3600
      const rate = hour >= 8 && hour < 18 ? 30 : 4
      return Math.round(rate * stepSeconds * (0.95 + 0.1 * uniform()))
    })
    return {
      workload: { model, region: 'us-east-1' },
      requests,
      inputTokens: requests.map((count) => count * 600),
      outputTokens: requests.map((count) => count * 250),
      tokenRequests: requests.slice(),
      first: 0,
      last: length - 1,
      duplicates: 0,
    }
  })
  return { start, stepSeconds, length, workloads, inputs: [], findings: [] }
}

/** Reads windows of a table as a live run reads those of its source. */
export function readTableWindows(table: DemandTable): ReadDemand {
  const source = tableSource('test', table)
  return async (window) => (await readDemand({ sources: [{ source }], ...window })).history
}
