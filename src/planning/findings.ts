import type { Config } from '../config/schema.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { Finding, OverrideInForce } from './capacity-plan.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'

/** Overrides that hold at a time, and a finding for each that has ended: they expire loudly. */
export function readOverrides(
  config: Config,
  now: EpochSeconds,
): { overrides: OverrideInForce[]; findings: Finding[] } {
  const overrides: OverrideInForce[] = []
  const findings: Finding[] = []
  for (const { workload, floor, maximum, shape, reason, by, until } of config.overrides) {
    if (until > now) {
      overrides.push({
        workload,
        ...(floor !== undefined && { floor }),
        ...(maximum !== undefined && { maximum }),
        ...(shape !== undefined && { shape }),
        reason,
        by,
        until: formatInstant(until),
      })
    } else {
      const message = `the override of ${workload} by ${by} ended ${formatInstant(until)} and no longer holds: remove it`
      findings.push({ code: 'OVERRIDE_EXPIRED', message })
    }
  }
  return { overrides, findings }
}

/** Workloads without demand and demand without a workload, and what is assumed rather than known. */
export function findGaps(
  { config, history, forecast, baseline }: PlanInputs,
  planned: readonly PlannedWorkload[],
): Finding[] {
  const findings: Finding[] = []
  const known = new Set(planned.map((each) => workloadId(each.workload)))
  for (const { workload, index, entry } of planned) {
    const id = workloadId(workload)
    if (index === undefined) {
      const kept = findWorkload(baseline, workload)
        ? 'keeps its last approved floors'
        : `stays at minReplicas ${entry.minReplicas}`
      findings.push({ code: 'WORKLOAD_MISSING', message: `${id} is missing from the metrics and ${kept}` })
    } else if (history.workloads[index]!.tokens !== 'measured') {
      findings.push({
        code: 'LENGTHS_ASSUMED',
        message: `${id} is sized with assumedLengths: the metrics have no tokens`,
      })
    }
    if (config.models[workload.model]?.assumed) {
      findings.push({ code: 'MODEL_ASSUMED', message: `${id} is sized with an assumed architecture` })
    }
    if ((entry.trigger ?? config.trigger) === undefined) {
      findings.push({
        code: 'TRIGGER_MISSING',
        message: `${id} has no reactive trigger: the plan can be read but not rendered`,
      })
    }
  }
  for (const workload of baseline?.decision.workloads ?? []) {
    if (known.has(workloadId(workload))) continue
    const message = `${workloadId(workload)} is no longer in llmscale.yaml: this plan deletes it`
    findings.push({ code: 'WORKLOAD_REMOVED', message })
  }
  return [...findings, ...forecast.notes.map((message) => ({ code: 'FORECAST', message }))]
}
