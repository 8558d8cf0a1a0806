import { shapeName } from '../catalog/gpu-shape.js'
import type { Config } from '../config/schema.js'
import { formatCount, formatShare, formatUsd } from '../kit/format.js'
import { formatDuration, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay, secondsPerHour, secondsPerWeek } from '../kit/units.js'
import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, FloorTemplate, WorkloadDecision, WorkloadReport } from './capacity-plan.js'
import { type Change, diffPlans } from './diff-plans.js'
import { requestedFloors } from './floor-template.js'

/** Where a change takes what runs: what it costs, and where that stays, what it may cost at most. */
type Direction = 'up' | 'down' | 'same'

/** A change that was merged because it was material. */
export interface MaterialChange {
  time: EpochSeconds
  direction: Direction
}

export interface MaterialityInputs {
  /** Made with `baseline` in force: its figures of doing nothing are that plan's, under the forecast of this one. */
  plan: CapacityPlan
  baseline?: CapacityPlan
  /** Until when the plan in force may be applied; default what it says itself. */
  validUntil?: EpochSeconds
  /** Material changes before, in any order: those of the last week, and the last of capacity. */
  earlier: readonly MaterialChange[]
  settings: Config['pullRequests']['quietBelow']
}

/** Whether a plan is worth a pull request, with the figures behind it; all of them estimated. */
export interface Materiality {
  isMaterial: boolean
  /** So far from it that one that is open, and nobody has looked at, may be closed. */
  isNeedless: boolean
  /** USD that the plan gains until it ends. */
  score: number
  /** USD that the score must reach. */
  threshold: number
  riskAvoidedUsdPerDay: number
  savedUsdPerDay: number
  /** Of one review and of the replicas that are moved. */
  disruptionUsd: number
  direction: Direction
  reasons: string[]
}

/** With less time left the plan in force could end before the next one is reviewed. */
const shortestValiditySeconds = secondsPerDay
/** Findings that ask for a person, whatever the plan gains. */
const severeFindings = ['BUDGET_BINDS', 'POOL_LIMIT_BINDS', 'RISK_HIGH', 'WORKLOAD_MISSING']
/** Fields that a new forecast changes day by day; any other field of a workload or pool is changed by people. */
const forecastFields = [
  ...['floors', 'live', 'windows', 'floorReplicaHoursPerWeek', 'hardMaximum', 'coldStart'],
  'maximumNodes',
]
const noFloors: FloorTemplate = { minReplicas: 0, windows: [], exceptions: [] }
/** Between this share of the threshold and all of it, a pull request is neither opened nor closed. */
const needlessShare = 0.5
/** Costs that differ by less are the same. */
const smallestCostShare = 0.001
/** Beyond the changes of a week that people are asked to look at, one must gain so many times as much. */
const crowdedFactor = 4

/**
 * Judges whether a plan is worth a pull request against the plan in force (designs/0002-materiality.md).
 *
 * The score is money saved and shortfalls avoided until the plan ends, both against the plan in force under the same
 * forecast. The threshold is the price of a review and of the replicas that are moved or, if that is more, the share of
 * the fleet's cost below which gains are noise; with hysteresis: it rises for less capacity, for a change of direction
 * within a week of the last, and beyond so many changes a week. Some changes are material whatever they gain. The
 * decision that is in force never is: its validity is renewed without a review.
 */
export function judgeMateriality(inputs: MaterialityInputs): Materiality {
  const { plan, baseline, settings } = inputs
  const now = parseInstant(plan.header.origin)!
  const days = (parseInstant(plan.header.validUntil)! - now) / secondsPerDay
  const { usdPerDay, doNothingUsdPerDay } = plan.header.cost
  const savedUsdPerDay = doNothingUsdPerDay.p50 - usdPerDay.p50
  const riskAvoidedUsdPerDay = plan.reports.reduce((usd, report) => usd + riskAvoided(report), 0)
  const score = (savedUsdPerDay + riskAvoidedUsdPerDay) * days
  const disruptionUsd = settings.reviewUsd + settings.movedReplicaHours * movedUsdPerHour(baseline, plan)
  const noiseUsd = settings.noiseShare * doNothingUsdPerDay.p50 * days
  const direction = directionOf(baseline, plan)
  const hesitations = hesitate(inputs, direction, now)
  const threshold = hesitations.reduce((usd, { factor }) => usd * factor, Math.max(disruptionUsd, noiseUsd))
  const figures = { score, threshold, riskAvoidedUsdPerDay, savedUsdPerDay, disruptionUsd, direction }
  if (baseline?.planId === plan.planId)
    return { isMaterial: false, isNeedless: true, ...figures, reasons: ['the decision is the one in force'] }

  const compelling = findCompelling(inputs, now)
  const gains =
    `${describeSaving(savedUsdPerDay)} and ${describeRisk(riskAvoidedUsdPerDay)}: ` +
    `${formatUsd(score)} USD in ${formatDuration(Math.round(days * secondsPerDay))}`
  const needs =
    noiseUsd > disruptionUsd
      ? `gains below ${formatShare(settings.noiseShare)} of the fleet’s cost, ${formatUsd(noiseUsd)} USD, are noise of the forecast`
      : `a review and the replicas that are moved cost ${formatUsd(disruptionUsd)} USD`
  return {
    isMaterial: compelling.length > 0 || score >= threshold,
    isNeedless: compelling.length === 0 && score < needlessShare * threshold,
    ...figures,
    reasons: [
      ...compelling,
      gains,
      needs,
      ...hesitations.map(({ factor, because }) => `${factor} times that is needed, as ${because}`),
      ...explainTurn(inputs, direction, now),
    ],
  }
}

/**
 * Whether a plan says something materially other than one that was proposed before and is not in force, because people
 * closed it or still review it. Each counts as it states itself, so that a forecast that has changed counts too.
 */
export function compareProposals(
  plan: CapacityPlan,
  other: CapacityPlan,
  settings: MaterialityInputs['settings'],
): Pick<Materiality, 'isMaterial' | 'reasons'> {
  if (plan.planId === other.planId) return { isMaterial: false, reasons: ['the decision is the same'] }
  const stated = ({ header, reports }: CapacityPlan) =>
    reports.reduce((usd, report) => usd + report.shortfallUsdPerDay.plan, header.cost.usdPerDay.p50)
  const { header } = plan
  const days = (parseInstant(header.validUntil)! - parseInstant(header.origin)!) / secondsPerDay
  const change = stated(plan) - stated(other)
  const least = Math.max(
    settings.reviewUsd + settings.movedReplicaHours * movedUsdPerHour(other, plan),
    settings.noiseShare * stated(other) * days,
  )
  const compelling = findRuleChanges(other, plan)
  const direction = change >= 0 ? 'more' : 'less'
  return {
    isMaterial: compelling.length > 0 || Math.abs(change) * days >= least,
    reasons: [
      ...compelling,
      `nodes and shortfalls cost ${formatUsd(Math.abs(change))} USD a day ${direction} than by the plan proposed before`,
    ],
  }
}

function riskAvoided({ shortfallUsdPerDay }: WorkloadReport): number {
  return shortfallUsdPerDay.doNothing - shortfallUsdPerDay.plan
}

function describeSaving(usdPerDay: number): string {
  return usdPerDay >= 0
    ? `saves ${formatUsd(usdPerDay)} USD a day`
    : `spends ${formatUsd(-usdPerDay)} USD a day more`
}

function describeRisk(usdPerDay: number): string {
  return usdPerDay >= 0
    ? `avoids shortfalls of ${formatUsd(usdPerDay)} USD a day`
    : `risks shortfalls of ${formatUsd(-usdPerDay)} USD a day more`
}

/** What an hour of the replicas costs by which the floors of two plans differ, each workload where it differs most. */
function movedUsdPerHour(from: CapacityPlan | undefined, to: CapacityPlan): number {
  const ids = new Set([...(from?.decision.workloads ?? []), ...to.decision.workloads].map(workloadId))
  return [...ids].reduce((usd, id) => {
    const [before, after] = [findById(from, id), findById(to, id)]
    return (
      usd + movedReplicas(before?.decision, after?.decision) * (after ?? before)!.report.usdPerReplicaHour
    )
  }, 0)
}

/** On another shape all replicas are new. */
function movedReplicas(before: WorkloadDecision | undefined, after: WorkloadDecision | undefined): number {
  const isReplaced =
    before !== undefined && after !== undefined && shapeName(before.shape) !== shapeName(after.shape)
  const week = requestedFloors(after?.floors ?? noFloors)
  const weekBefore = requestedFloors((isReplaced ? undefined : before?.floors) ?? noFloors)
  return week.reduce((most, replicas, minute) => Math.max(most, Math.abs(replicas - weekBefore[minute]!)), 0)
}

function findById(
  plan: CapacityPlan | undefined,
  id: string,
): { decision: WorkloadDecision; report: WorkloadReport } | undefined {
  const index = plan?.decision.workloads.findIndex((each) => workloadId(each) === id) ?? -1
  return index < 0 ? undefined : { decision: plan!.decision.workloads[index]!, report: plan!.reports[index]! }
}

/** The changes of capacity in a series of merged plans, oldest first: what a stateless bot reads from git. */
export function listChanges(merged: readonly { plan: CapacityPlan; time: EpochSeconds }[]): MaterialChange[] {
  return merged.flatMap(({ plan, time }, index) => {
    const before = merged[index - 1]?.plan
    return before?.planId === plan.planId ? [] : [{ time, direction: directionOf(before, plan) }]
  })
}

function directionOf(from: CapacityPlan | undefined, to: CapacityPlan): Direction {
  if (from === undefined) return 'up'
  const { usdPerDay, doNothingUsdPerDay } = to.header.cost
  const change = usdPerDay.p50 - doNothingUsdPerDay.p50
  if (Math.abs(change) > smallestCostShare * doNothingUsdPerDay.p50) return change > 0 ? 'up' : 'down'
  const most = to.reports.reduce((usd, report, index) => {
    const before = findById(from, workloadId(report))?.decision.hardMaximum ?? 0
    return usd + (to.decision.workloads[index]!.hardMaximum - before) * report.usdPerReplicaHour
  }, 0)
  return most === 0 ? 'same' : most > 0 ? 'up' : 'down'
}

/** Why more is needed than the disruption costs, with the factor of each reason. */
function hesitate(
  inputs: MaterialityInputs,
  direction: Direction,
  now: EpochSeconds,
): { factor: number; because: string }[] {
  const { earlier, settings } = inputs
  const recent = earlier.filter(({ time }) => time > now - secondsPerWeek && time < now)
  const hesitations: { factor: number; because: string }[] = []
  if (direction === 'down')
    hesitations.push({ factor: settings.fallFactor, because: 'capacity that is missing later costs more' })
  const last = lastTurn(inputs, direction, now)
  if (last !== undefined && last.time > now - secondsPerWeek)
    hesitations.push({
      factor: settings.turnFactor,
      because: `it turns ${direction} ${formatAge(last, now)} after a change ${last.direction}`,
    })
  if (recent.length >= settings.perWeek)
    hesitations.push({
      factor: crowdedFactor,
      because: `there were ${recent.length} changes in the seven days before`,
    })
  return hesitations
}

/** The last change of capacity, where this one goes the other way. */
function lastTurn(
  { earlier }: MaterialityInputs,
  direction: Direction,
  now: EpochSeconds,
): MaterialChange | undefined {
  const last = earlier
    .filter((change) => change.direction !== 'same' && change.time < now)
    .reduce<MaterialChange | undefined>(
      (latest, change) => (latest === undefined || change.time > latest.time ? change : latest),
      undefined,
    )
  return direction === 'same' || direction === last?.direction ? undefined : last
}

/** To the hour: runs start some seconds late. */
function formatAge({ time }: MaterialChange, now: EpochSeconds): string {
  return formatDuration(Math.max(1, Math.round((now - time) / secondsPerHour)) * secondsPerHour)
}

/** What is material whatever it gains. */
function findCompelling(inputs: MaterialityInputs, now: EpochSeconds): string[] {
  const { plan, baseline } = inputs
  if (baseline === undefined) return ['no plan is in force']
  const left = (inputs.validUntil ?? parseInstant(baseline.header.validUntil)!) - now
  const end = left <= 0 ? 'has ended' : `ends in ${formatDuration(left)}`
  return [
    ...findRuleChanges(baseline, plan),
    ...(left <= shortestValiditySeconds ? [`the plan in force ${end}`] : []),
  ]
}

/** What differs between two plans besides what a forecast moves. */
function findRuleChanges(from: CapacityPlan, to: CapacityPlan): string[] {
  const diff = diffPlans(from, to)
  const count = (of: CapacityPlan, code: string) =>
    of.header.findings.filter((finding) => finding.code === code).length
  return [
    ...(diff.deletions.length > 0 ? [`deletes ${diff.deletions.join(', ')}`] : []),
    ...findPurchases(from, to).map((name) => `buys ${name}`),
    ...[...diff.workloads, ...diff.pools]
      .filter(({ kind }) => kind !== 'removed')
      .flatMap(describeRuleChange),
    ...diff.others.flatMap(describeRuleChange),
    ...severeFindings.filter((code) => count(to, code) > count(from, code)).map((code) => `finds ${code}`),
  ]
}

function describeRuleChange({ name, kind, fields }: Change): string[] {
  if (kind !== 'changed') return [`${name} is ${kind}`]
  const changed = fields
    .filter(({ field }) => !forecastFields.includes(field))
    .filter(({ field, from, to }) => field !== 'trigger' || triggerQuery(from) !== triggerQuery(to))
    .map(({ field, from, to }) => `${field} ${from ?? 'none'} → ${to ?? 'none'}`)
  return changed.length > 0 ? [`${name}: ${changed.join(', ')}`] : []
}

/** A trigger without its threshold, which follows the floors. */
function triggerQuery(description: string | null): string | undefined {
  return description?.replace(/^\S+ a replica of /, '')
}

function findPurchases(from: CapacityPlan, to: CapacityPlan): string[] {
  const known = new Set(from.decision.commitments.map(({ name }) => name))
  return to.decision.commitments.flatMap(({ name, state, kind, instanceType }) =>
    state === 'proposed' && !known.has(name) ? [name ?? `${kind} of ${instanceType}`] : [],
  )
}

/** Where the direction changes: the workload that gains most, and what is new about it. */
function explainTurn(inputs: MaterialityInputs, direction: Direction, now: EpochSeconds): string[] {
  const last = lastTurn(inputs, direction, now)
  const { plan, baseline } = inputs
  if (last === undefined || baseline === undefined || plan.reports.length === 0) return []
  const weight = (report: WorkloadReport) =>
    Math.abs(report.usdPerDay.doNothing.p50 - report.usdPerDay.plan.p50) + Math.abs(riskAvoided(report))
  const driver = plan.reports.reduce((most, report) => (weight(report) > weight(most) ? report : most))
  const before = findById(baseline, workloadId(driver))
  const maximum = findById(plan, workloadId(driver))!.decision.hardMaximum
  const peak = (report: WorkloadReport) =>
    report.dailyPeakReplicas.reduce((most, { p50 }) => Math.max(most, p50), 0)
  const facts = [
    `its busiest day needs ${formatCount(peak(driver))} replicas (median)`,
    ...(before === undefined ? [] : [`${formatCount(peak(before.report))} when the plan in force was made`]),
    ...(before === undefined || before.decision.hardMaximum === maximum
      ? []
      : [`at most ${maximum} replicas instead of ${before.decision.hardMaximum}`]),
    ...(before !== undefined && before.report.gate.open !== driver.gate.open
      ? [`floors ${driver.gate.open ? 'now' : 'no longer'} beat the reactive trigger on past days`]
      : []),
  ]
  return [
    `turns ${direction} ${formatAge(last, now)} after a change ${last.direction}, mostly for ${workloadId(driver)}: ${facts.join(', ')}`,
  ]
}
