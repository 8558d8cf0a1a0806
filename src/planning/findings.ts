import type { Config } from '../config/schema.js'
import { formatShare } from '../kit/format.js'
import { formatDuration, formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { Finding, OverrideInForce } from './capacity-plan.js'
import type { Draft } from './draft-workload.js'
import { wholeNodes } from './node-group.js'
import type { Outcome, PooledGroup } from './outcome.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'

/** Shares of requests that differ by less are the same to a reader. */
const smallestRisk = 0.0005
/** Above this share of requests a reader must be told what to do. */
const highRisk = 0.05

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

/** Workloads without demand, workloads that go, and what is assumed rather than known. */
export function findGaps(
  { config, history, forecast, baseline }: PlanInputs,
  planned: readonly PlannedWorkload[],
): Finding[] {
  const findings: Finding[] = []
  const known = new Set(planned.map((each) => workloadId(each.workload)))
  for (const { workload, index, entry, capacity } of planned) {
    const id = workloadId(workload)
    if (index === undefined) {
      const kept = findWorkload(baseline, workload)
        ? 'keeps its last approved floors'
        : `stays at minReplicas ${entry.minReplicas}`
      findings.push({ code: 'WORKLOAD_MISSING', message: `${id} is missing from the metrics and ${kept}` })
    } else if (history.workloads[index]!.tokens !== 'measured') {
      findings.push({
        code: 'LENGTHS_ASSUMED',
        message: `${id} is sized with assumed lengths: the metrics have no tokens`,
      })
    }
    if (history.stepSeconds > capacity.coldStart.totalSeconds) {
      const message = `${id}: a step of ${formatDuration(history.stepSeconds)} is longer than the cold start of ${formatDuration(Math.round(capacity.coldStart.totalSeconds))}: ramps within a step are not seen, so risk is understated`
      findings.push({ code: 'STEP_COARSE', message })
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

/** Limits that keep demand from what it would need. */
export function findLimits(
  wanted: readonly Draft[],
  drafts: readonly Draft[],
  pooled: readonly PooledGroup[],
): Finding[] {
  const findings: Finding[] = []
  for (const { group, members } of pooled) {
    const nodes = members.reduce(
      (sum, index) => sum + drafts[index]!.hardMaximum * drafts[index]!.planned.nodesPerReplica,
      0,
    )
    if (group.limit === undefined || wholeNodes(nodes) <= group.limit.maximumNodes) continue
    const message = `${group.limit.field} ${group.limit.maximumNodes} holds fewer nodes of ${group.instanceType} in ${group.region} than the ${wholeNodes(nodes)} of all hard maxima together`
    findings.push({ code: 'POOL_LIMIT_BINDS', message })
  }
  const cut = drafts.filter((draft, index) => draft.hardMaximum < wanted[index]!.hardMaximum)
  if (cut.length > 0) {
    const ids = cut
      .map(({ planned, hardMaximum }) => `${workloadId(planned.workload)} ${hardMaximum}`)
      .join(', ')
    findings.push({ code: 'BUDGET_BINDS', message: `the budget lowers hard maxima: ${ids}` })
  }
  return findings
}

/** Reserved nodes that are paid for and that the hard maxima never need. */
export function findIdleReservations(pooled: readonly PooledGroup[]): Finding[] {
  return pooled.flatMap(({ group, pools }) => {
    const used = pools.find(({ capacityType }) => capacityType === 'reserved')?.maximumNodes ?? 0
    const idle = group.reservedNodes - used
    if (idle === 0) return []
    const message = `${idle} of ${group.reservedNodes} reserved ${group.instanceType} in ${group.region} are paid for and never needed`
    return [{ code: 'RESERVATION_IDLE', message }]
  })
}

/** Workloads for which this plan puts more requests at risk than doing nothing does. */
export function findRisks(drafts: readonly Draft[], plan: Outcome, doNothing: Outcome): Finding[] {
  return drafts.flatMap(({ planned }, index) => {
    const [before, after] = [doNothing.workloads[index]!.breachRisk, plan.workloads[index]!.breachRisk]
    const id = workloadId(planned.workload)
    const high = `${id} has ${formatShare(after)} of its requests at risk: raise minReplicas, lower planning.reactiveTarget, or override its floor`
    const findings = after > highRisk ? [{ code: 'RISK_HIGH', message: high }] : []
    if (after <= before + smallestRisk) return findings
    const message = `${id} has ${formatShare(after)} of its requests at risk, ${formatShare(before)} if nothing is done: cheaper at the price of a shortfall, not safer`
    return [...findings, { code: 'RISK_RISES', message }]
  })
}
