import { digestValue } from '../kit/digest.js'
import { formatCount, formatShare, formatUsdChange } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, Commitment, Interval, WorkloadDecision } from '../planning/capacity-plan.js'
import { describeFloors, isEmptyDiff, type PlanDiff } from '../planning/diff-plans.js'
import { floorReplicaHours } from '../planning/floor-template.js'
import { plainWords } from './plain-words.js'

/** More names than this are counted: a headline is one sentence. */
const mostNames = 4

/**
 * One sentence, plain text: what goes and what is bought first, then the workload that changes most, money and risk; all
 * of them estimated.
 */
export function describeProposal(base: CapacityPlan | undefined, plan: CapacityPlan, diff: PlanDiff): string {
  const { cost, breachRisk } = plan.header
  const limits = describeLimits(plan)
  return (
    `${capitalize(listActs(base, plan, diff).join('; '))}: ${describeCostChange(cost.changeUsdPerDay)}, ` +
    `requests at risk ${formatShare(breachRisk.doNothing)} → ${formatShare(breachRisk.plan)} if merged (estimated)${limits}.`
  )
}

/** The same without figures, for a title: no mark in it means anything to Markdown or GitHub. */
export function titleProposal(base: CapacityPlan | undefined, plan: CapacityPlan, diff: PlanDiff): string {
  const acts = listActs(base, plan, diff).join(', ')
  return plainWords(`Capacity of ${plan.decision.environment}: ${acts}`, 140)
}

/** `+212 USD a day (80 %: +150 … +260)` */
function describeCostChange(change: Interval): string {
  return `${formatUsdChange(change.p50)} USD a day (80 %: ${formatUsdChange(change.p10)} … ${formatUsdChange(change.p90)})`
}

/** Commitments that are bought by applying the plan and are not in the plan before. */
export function findPurchases(base: CapacityPlan | undefined, plan: CapacityPlan): Commitment[] {
  const known = new Set(base?.decision.commitments.map(digestValue))
  return plan.decision.commitments.filter(
    (each) => each.state === 'proposed' && !known.has(digestValue(each)),
  )
}

/** `odcr winter of 2 p5.48xlarge until 2027-01-31` */
export function describeCommitment({ kind, name, count, instanceType, until }: Commitment): string {
  const end = until === undefined ? '' : ` until ${until.slice(0, 10)}`
  return `${kind}${name === undefined ? '' : ` ${name}`} of ${count} ${instanceType}${end}`
}

function listActs(base: CapacityPlan | undefined, plan: CapacityPlan, diff: PlanDiff): string[] {
  const purchases = findPurchases(base, plan).map(describeCommitment)
  const acts = [
    ...(diff.deletions.length > 0 ? [`deletes ${listNames(diff.deletions)}`] : []),
    ...(purchases.length > 0 ? [`buys ${listNames(purchases)}`] : []),
    ...describeWorkloads(base, plan, diff),
  ]
  if (acts.length > 0) return acts
  return [
    isEmptyDiff(diff) ? 'the same decision, deployed otherwise' : 'changes pools, overrides or commitments',
  ]
}

function describeWorkloads(base: CapacityPlan | undefined, plan: CapacityPlan, diff: PlanDiff): string[] {
  if (base === undefined) {
    const count = plan.decision.workloads.length
    return [`first plan of ${plan.decision.environment}, ${count} workload${count === 1 ? '' : 's'}`]
  }
  const [first, ...others] = rankChanges(plan, diff).filter(({ kind }) => kind !== 'removed')
  if (first === undefined) return []
  const before = base.decision.workloads.find((each) => workloadId(each) === first.name)
  const after = plan.decision.workloads.find((each) => workloadId(each) === first.name)!
  const rest = others.length === 0 ? '' : ` and ${others.length} more`
  return [`${before === undefined ? `adds ${first.name}` : describeMove(before, after)}${rest}`]
}

/** Changed workloads: those that go, then those whose cost changes most, then those whose risk does. */
export function rankChanges(plan: CapacityPlan, diff: PlanDiff): PlanDiff['workloads'] {
  const reports = new Map(plan.reports.map((report) => [workloadId(report), report]))
  const weigh = (name: string) => {
    const report = reports.get(name)
    if (report === undefined) return [Number.POSITIVE_INFINITY, 0] as const
    const { usdPerDay, breachRisk } = report
    return [Math.abs(usdPerDay.change.p50), Math.abs(breachRisk.plan - breachRisk.doNothing)] as const
  }
  return [...diff.workloads].sort((a, b) => {
    const [left, right] = [weigh(a.name), weigh(b.name)]
    if (left[0] !== right[0]) return right[0] - left[0]
    return right[1] - left[1]
  })
}

function describeMove(before: WorkloadDecision, after: WorkloadDecision): string {
  const id = workloadId(after)
  const hours = floorReplicaHours(after.floors) - floorReplicaHours(before.floors)
  if (hours !== 0) {
    const [from, to] = [describeFloors(before.floors), describeFloors(after.floors)]
    const range = from === to ? `${to}, for ${hours > 0 ? 'more' : 'fewer'} hours` : `${from} → ${to}`
    return `${hours > 0 ? 'raises' : 'lowers'} the floors of ${id} (${range} replicas)`
  }
  const maximum = after.hardMaximum - before.hardMaximum
  if (maximum === 0) return `changes ${id}`
  const range = `${formatCount(before.hardMaximum)} → ${formatCount(after.hardMaximum)}`
  return `${maximum > 0 ? 'raises' : 'lowers'} the maximum of ${id} (${range} replicas)`
}

/** What keeps the plan from what demand asks for, or makes it uncertain. */
function describeLimits({ header }: CapacityPlan): string {
  const codes = new Set(header.findings.map(({ code }) => code))
  const notes = [
    ...(codes.has('BUDGET_BINDS') ? ['held down by the budget'] : []),
    ...(codes.has('POOL_LIMIT_BINDS') ? ['held down by a limit on nodes'] : []),
    ...(codes.has('DATA_OLD') ? [`from demand that ends ${header.dataThrough.slice(0, 10)}`] : []),
  ]
  return notes.length === 0 ? '' : `; ${notes.join(', ')}`
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).map((name) => (name.length > 80 ? `${name.slice(0, 79)}…` : name))
  return `${shown.join(', ')}${names.length > mostNames ? ` and ${names.length - mostNames} more` : ''}`
}

function capitalize(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}
