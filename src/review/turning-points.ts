import { formatChange, formatShare, formatUsd, formatUsdChange } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import type {
  CapacityPlan,
  DailyPeak,
  SkillGate,
  WorkloadDecision,
  WorkloadReport,
} from '../planning/capacity-plan.js'
import type { PlanDiff } from '../planning/diff-plans.js'
import { leastLiveSaving } from '../planning/live-gate.js'
import type { Materiality } from '../planning/materiality.js'
import type { BodySection } from './body-section.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import { findPlanned } from './workload-section.js'

/** Intervals whose end is nearer to zero than this can change sign with a week of other demand. */
const closeCall = 0.05
/** Workloads that are looked at; the ones that change most come first. */
const mostWorkloads = 5

/** How far each figure that decides is from deciding otherwise. */
export function writeTurningPoints(
  plan: CapacityPlan,
  changed: PlanDiff['workloads'],
  materiality: Materiality | undefined,
): BodySection {
  const planned = changed.flatMap(({ name }) => findPlanned(plan, name) ?? []).slice(0, mostWorkloads)
  return {
    title: 'What would change our mind',
    importance: 8,
    before: [],
    rows: [
      `- **Price of a shortfall**: ${describePrice(plan)}`,
      ...planned.map(
        ({ decision, report }) =>
          `- ${escapeName(workloadId(decision))}: ${[describeHeadroom(decision, report), describeGate(report), ...describeLiveGate(report), ...describeElse(report)].join('; ')}`,
      ),
      ...(materiality === undefined ? [] : [describeMateriality(materiality)]),
    ],
    where: '`llmscale explain`',
  }
}

/** At which price of a shortfall the plan would cost as much as it avoids. */
function describePrice({ header, reports }: CapacityPlan): string {
  const change = header.cost.changeUsdPerDay.p50
  const avoided = reports.reduce(
    (usd, { shortfallUsdPerDay }) => usd + shortfallUsdPerDay.doNothing - shortfallUsdPerDay.plan,
    0,
  )
  const figures = `cost ${formatUsdChange(change)} USD a day, shortfalls ${formatUsdChange(-avoided)}`
  if (change <= 0 && avoided >= 0)
    return `${figures}: cheaper and no riskier, so no price of a shortfall speaks against it`
  if (change >= 0 && avoided <= 0)
    return `${figures}: dearer without fewer shortfalls, so it is for people to say what it is worth`
  const factor = change / avoided
  return change > 0
    ? `${figures}: it stops paying where a shortfall costs less than ${formatShare(factor)} of what the config says`
    : `${figures}: it stops paying where a shortfall costs more than ${factor.toFixed(1)} times what the config says`
}

/** The hard maximum against the busiest day that is foreseen. */
function describeHeadroom({ hardMaximum }: WorkloadDecision, report: WorkloadReport): string {
  const [first, ...rest] = report.dailyPeakReplicas
  if (first === undefined) return 'no peak is forecast'
  const busiest = rest.reduce<DailyPeak>((most, day) => (day.p90 > most.p90 ? day : most), first)
  const peak = `${formatUsd(busiest.p90)} replicas, the 90 % peak of ${busiest.date}`
  if (busiest.p90 > hardMaximum) return `**the maximum of ${hardMaximum} is below ${peak}**`
  const room = formatShare(hardMaximum / Math.max(1, busiest.p90) - 1)
  return `the maximum of ${hardMaximum} holds until demand rises ${room} above ${peak}`
}

/** Whether floors stand on firm ground, measured on past days. */
function describeGate({ gate }: WorkloadReport): string {
  return describeSkill(gate, 'floors', 0)
}

/** The same of floors that are renewed between reviews, where the configuration wants them. */
function describeLiveGate({ liveGate }: WorkloadReport): string[] {
  return liveGate === undefined ? [] : [describeSkill(liveGate, 'live floors', leastLiveSaving)]
}

function describeSkill(gate: SkillGate, what: string, least: number): string {
  if (gate.floorSkill === null || gate.low === null || gate.high === null)
    return `no ${what} are proposed, as they cannot be scored yet`
  const saving = `${formatChange(gate.floorSkill)} of idle and shortfall cost on ${gate.origins} past days (80 %: ${formatChange(gate.low)} … ${formatChange(gate.high)})`
  const bound = least === 0 ? 'zero' : formatShare(least)
  const isClose = Math.abs(gate.low - least) < closeCall ? ', **a close call**' : ''
  return gate.open
    ? `${what} save ${saving}; they go where the lower end falls to ${bound}${isClose}`
    : `${what} would save ${saving}; they come when the lower end rises above ${bound}`
}

/** What the maximum would be without what binds it. */
function describeElse({ reasons }: WorkloadReport): string[] {
  const because = reasons.find(({ field }) => field === 'hardMaximum')?.because ?? ''
  const [limit, otherwise] = because.split(/; else /, 2)
  if (otherwise === undefined) return []
  return [
    `without the limit (${escapeMarkdown(limit!, 90)}) the maximum would be ${escapeMarkdown(otherwise, 120)}`,
  ]
}

function describeMateriality(materiality: Materiality): string {
  const { isMaterial, score, threshold, reasons } = materiality
  const verdict = isMaterial ? 'worth a review' : 'below what a review is worth'
  const because = reasons.map((reason) => escapeMarkdown(reason)).join('; ')
  return `- **Score** ${formatUsd(score)} USD against ${formatUsd(threshold)}, ${verdict}: ${because}`
}
