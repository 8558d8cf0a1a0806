import { parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerDay } from '../kit/units.js'
import { controlActions, findTicked, formatControl, setBoxes } from './controls.js'
import { escapeMarkdown, escapeName } from './escape-markdown.js'
import type { ListedHold } from './hold-table.js'
import { markdownTableHead, markdownTableRow, type Table } from './table.js'

/** From what needs people most to what needs nobody. */
export const environmentStates = [
  'unreadable',
  'failed',
  'expired',
  'expiring',
  'blocked',
  'held',
  'open',
  'snoozed',
  'steady',
  'unplanned',
] as const
type EnvironmentState = (typeof environmentStates)[number]

const meanings: Record<EnvironmentState, string> = {
  unreadable: 'its plan, or what is kept of it, cannot be read',
  failed: 'a run did not end well',
  expired: 'the plan may not be applied any more; what is deployed stays',
  expiring: 'the plan ends within a day',
  blocked: 'somebody committed to the branch, so llmscale leaves it alone',
  held: 'a hold stops applies',
  open: 'a plan waits for its review',
  snoozed: 'people asked for silence',
  steady: 'the plan stands',
  unplanned: 'no plan is merged yet',
}

/** What is known of an environment. */
export interface EnvironmentFacts {
  environment: string
  /** On the reviewed branch. */
  plan: { planId: string; validUntil: string } | undefined
  /** Of that plan. */
  renewedUntil: string | undefined
  holds: readonly ListedHold[]
  /** Why nothing is known but its pull requests. */
  unreadable?: string
  /** The last apply or destroy, or one before it that left something undone. */
  lastRun: { id: string; state: string } | undefined
  /** The open pull request; undefined also where nobody could be asked. */
  proposal: OpenProposalFacts | undefined
  /** The last pull request, where people closed it without merging. */
  closed: { number: number; url: string } | undefined
}

interface OpenProposalFacts {
  number: number
  url: string
  /** A person committed to its branch. */
  isEdited: boolean
  snoozedUntil: string | undefined
}

export interface EnvironmentStatus {
  environment: string
  state: EnvironmentState
  /** What stands behind the state: a receipt, a reason of a hold, a time. */
  detail: string
  planId: string | null
  /** Of the plan on the reviewed branch, renewals counted; ISO 8601. */
  validUntil: string | null
  /** Whether that is by a renewal. */
  isRenewed: boolean
  pullRequest: { number: number; url: string } | null
}

/** The state that needs people most, of all that an environment is in. */
export function judgeEnvironment(facts: EnvironmentFacts, now: EpochSeconds): EnvironmentStatus {
  const { environment, plan, renewedUntil, proposal, closed } = facts
  const isRenewed = plan !== undefined && renewedUntil !== undefined && renewedUntil > plan.validUntil
  const validUntil = isRenewed ? renewedUntil : plan?.validUntil
  const shown = proposal ?? closed
  return {
    environment,
    ...judgeState(facts, validUntil, now),
    planId: plan?.planId ?? null,
    validUntil: validUntil ?? null,
    isRenewed,
    pullRequest: shown === undefined ? null : { number: shown.number, url: shown.url },
  }
}

/** No detail changes with the hour: that would write the issue anew each time. */
function judgeState(
  { unreadable, holds, lastRun, proposal, closed, plan }: EnvironmentFacts,
  validUntil: string | undefined,
  now: EpochSeconds,
): Pick<EnvironmentStatus, 'state' | 'detail'> {
  const holding = holds.filter(({ state }) => state !== 'ended')
  const secondsLeft = validUntil === undefined ? Number.POSITIVE_INFINITY : parseInstant(validUntil)! - now
  if (unreadable !== undefined) return { state: 'unreadable', detail: unreadable }
  if (lastRun !== undefined && ['failed', 'interrupted', 'crashed'].includes(lastRun.state))
    return { state: 'failed', detail: `run ${lastRun.id} ${lastRun.state}` }
  if (secondsLeft <= 0) return { state: 'expired', detail: '' }
  if (secondsLeft < secondsPerDay) return { state: 'expiring', detail: '' }
  if (proposal?.isEdited) return { state: 'blocked', detail: '' }
  if (holding.length > 0) return { state: 'held', detail: holding.map(describeHold).join('; ') }
  const { snoozedUntil } = proposal ?? {}
  if (snoozedUntil !== undefined && parseInstant(snoozedUntil)! > now)
    return { state: 'snoozed', detail: `until ${snoozedUntil}` }
  if (proposal !== undefined) return { state: 'open', detail: '' }
  if (closed !== undefined)
    return { state: 'snoozed', detail: 'it was closed and not merged; a plan that differs comes anew' }
  return { state: plan === undefined ? 'unplanned' : 'steady', detail: '' }
}

function describeHold({ name, hold }: ListedHold): string {
  return hold === undefined
    ? `${name} cannot be read`
    : `by ${hold.by} until ${hold.until ?? 'it is removed'}: ${hold.reason}`
}

/** A row for each environment, as `environments` of llmscale.yaml has them. */
export function tabulateStatuses(statuses: readonly EnvironmentStatus[]): Table {
  return {
    columns: [
      { header: 'Environment' },
      { header: 'State' },
      { header: 'Pull request' },
      { header: 'Plan' },
      { header: 'Valid until' },
      { header: 'Reason', wrap: true },
    ],
    rows: statuses.map((status) => [
      status.environment,
      status.state,
      status.pullRequest?.url ?? '',
      status.planId?.slice(0, 12) ?? '',
      describeValidity(status),
      status.detail === '' ? meanings[status.state] : status.detail,
    ]),
  }
}

function describeValidity({ validUntil, isRenewed }: EnvironmentStatus): string {
  return validUntil === null ? '' : `${validUntil}${isRenewed ? ', renewed' : ''}`
}

/** What the dashboard's issue is found by, beside its label. */
export const dashboardKey = '<!-- llmscale:dashboard -->'
export const dashboardLabel = 'llmscale'
export const dashboardTitle = 'llmscale: capacity plans'

/**
 * The body of the dashboard's issue: environments that need people first, then the boxes that steer the bot.
 * @param before the body that is there: a box that somebody ticked stays ticked until it is obeyed
 */
export function writeDashboard(statuses: readonly EnvironmentStatus[], before = ''): string {
  const order = [...statuses].sort(
    (a, b) =>
      environmentStates.indexOf(a.state) - environmentStates.indexOf(b.state) ||
      (a.environment < b.environment ? -1 : 1),
  )
  const columns = ['Environment', 'State', 'Pull request', 'Plan', 'Valid until']
  const controls = order.map(({ environment }) =>
    [
      `**${environment}**`,
      '',
      ...controlActions.map((action) => formatControl({ action, environment })),
    ].join('\n'),
  )
  const body = `${[
    dashboardKey,
    'Capacity plans of this repository. llmscale writes this issue; boxes are obeyed from people who may write here.',
    '',
    ...markdownTableHead(columns.map((header) => ({ header }))),
    ...order.map((status) => markdownTableRow(describeRow(status))),
    '',
    controls.join('\n\n'),
  ].join('\n')}\n`
  return setBoxes(body, findTicked(before), true)
}

function describeRow(status: EnvironmentStatus): string[] {
  const { environment, state, detail, pullRequest, planId } = status
  const because = detail === '' ? '' : ` (${escapeMarkdown(detail)})`
  return [
    escapeName(environment),
    `**${state}**: ${meanings[state]}${because}`,
    pullRequest === null ? '' : `#${pullRequest.number}`,
    planId === null ? '' : `\`${planId.slice(0, 12)}\``,
    describeValidity(status),
  ]
}
