import { formatShare, formatUsdChange } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import type { CapacityPlan, WorkloadDecision, WorkloadReport } from '../planning/capacity-plan.js'
import { describeDays, describeFloors, type PlanDiff } from '../planning/diff-plans.js'
import type { BodySection } from './body-section.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import { markdownTableHead, markdownTableRow } from './table.js'

/** Fields that the columns show; any other that changes is named beside them. */
const shownFields = [
  ...['floors', 'live', 'windows', 'floorReplicaHoursPerWeek', 'hardMaximum', 'exceptions', 'coldStart'],
  'trigger',
]

/** A row for each workload that changes, in the given order. */
export function writeWorkloads(
  base: CapacityPlan | undefined,
  plan: CapacityPlan,
  changed: PlanDiff['workloads'],
): BodySection {
  const same = plan.decision.workloads.length - changed.filter(({ kind }) => kind !== 'removed').length
  const unchanged =
    same === 0
      ? ''
      : ` ${same} more stay${same === 1 ? 's' : ''} as it is.`.replace('stay as it is', 'stay as they are')
  return {
    title: 'Workloads',
    importance: 10,
    before: [
      'Floors (least … most replicas over the week), hard maximum, and when the highest floor stands; requests at risk ' +
        `if this is not merged → if it is; change of cost with its 10–90 % range. All figures are estimated.${describeLive(plan)}${unchanged}`,
      '',
      ...markdownTableHead([
        { header: 'Workload' },
        { header: 'Now' },
        { header: 'Proposed' },
        { header: 'From – until' },
        { header: 'At risk', align: 'right' },
        { header: 'Δ USD a day', align: 'right' },
        { header: 'Max bound by' },
      ]),
    ],
    rows: changed.map((change) =>
      writeRow(change, findPlanned(base, change.name), findPlanned(plan, change.name)),
    ),
    where: 'the files of workloads',
  }
}

function describeLive({ decision }: CapacityPlan): string {
  return decision.workloads.some(({ live }) => live !== undefined)
    ? ' Live: between two reviews the floor may rise to this quantile of the load ahead, up to so many replicas; it never falls below the template.'
    : ''
}

interface Planned {
  decision: WorkloadDecision
  report: WorkloadReport
}

/** The numbers of a workload in a plan. */
export function findPlanned(plan: CapacityPlan | undefined, id: string): Planned | undefined {
  const index = plan?.decision.workloads.findIndex((each) => workloadId(each) === id) ?? -1
  return index < 0 ? undefined : { decision: plan!.decision.workloads[index]!, report: plan!.reports[index]! }
}

function writeRow(
  { name, fields }: PlanDiff['workloads'][number],
  before: Planned | undefined,
  after: Planned | undefined,
): string {
  const now = before === undefined ? 'reactive only' : describeBounds(before.decision)
  if (after === undefined) return markdownTableRow([escapeName(name), now, '**deleted**', '', '', '', ''])
  const { decision, report } = after
  const others = fields.filter(({ field }) => before !== undefined && !shownFields.includes(field))
  const moved = others.map(({ field, to }) => `<br>${field}: ${escapeMarkdown(to ?? 'none', 60)}`)
  const { change } = report.usdPerDay
  const { breachRisk } = report
  return markdownTableRow([
    escapeName(name),
    now,
    `**${describeBounds(decision)}**${moved.join('')}`,
    describeHours(decision),
    report.forecast.model === 'none'
      ? 'unknown'
      : `${keepLine(formatShare(breachRisk.doNothing))}<br>${keepLine(`→ ${formatShare(breachRisk.plan)}`)}`,
    `${formatUsdChange(change.p50)}<br>(${formatUsdChange(change.p10)}&nbsp;…<br>${formatUsdChange(change.p90)})`,
    escapeMarkdown(describeBound(report), 90),
  ])
}

function describeBounds({ floors, live, hardMaximum }: WorkloadDecision): string {
  const raised = live === undefined ? '' : `,<br>${keepLine(`live ${live.quantile} to ${live.maximum}`)}`
  return `${keepLine(describeFloors(floors))}${raised},<br>${keepLine(`max ${hardMaximum}`)}`
}

/** On a phone a line would break within a figure. */
function keepLine(text: string): string {
  return text.replaceAll(' ', '&nbsp;').replaceAll('…', '…&NoBreak;')
}

/** When the highest floor stands, and the dated exceptions. */
function describeHours({ floors, timeZone }: WorkloadDecision): string {
  const most = Math.max(...floors.windows.map(({ replicas }) => replicas))
  const highest = floors.windows.filter(({ replicas }) => replicas === most)
  const hours = highest.slice(0, 2).map(({ days, from, to }) => `${describeDays(days)} ${from}–${to}`)
  const more = highest.length > 2 ? `, ${highest.length - 2} more` : ''
  const weekly =
    hours.length === 0 ? 'all week' : `${hours.join(',<br>')}${more}<br>${escapeMarkdown(timeZone, 40)}`
  const dated = floors.exceptions
    .slice(0, 2)
    .map(
      ({ from, until, replicas }) => `<br>${replicas} from ${from.slice(0, 10)} until ${until.slice(0, 10)}`,
    )
  return `${weekly}${dated.join('')}`
}

/** The first reason of the hard maximum: what would have to change for another. */
function describeBound({ reasons }: WorkloadReport): string {
  const because = reasons.find(({ field }) => field === 'hardMaximum')?.because
  return because?.split(/; else |: /, 1)[0] ?? '–'
}
