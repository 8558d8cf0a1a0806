import { formatInstant, parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { isEmptyDiff, type PlanDiff } from '../planning/diff-plans.js'
import { type BodySection, fitBody } from './body-section.js'
import { describeDiff, mostHeadline, tabulateFieldChanges, tabulateWorkloadChanges } from './diff-report.js'
import { escapeMarkdown } from './escape-markdown.js'
import { writeWarnings } from './evidence-section.js'
import { describeProposal, rankChanges } from './headline.js'
import { hashBody } from './hidden-key.js'
import { writePools } from './pool-section.js'
import { markdownTableHead, markdownTableRow, type Table } from './table.js'
import { writeWorkloads } from './workload-section.js'

export interface DiffCommentInputs {
  environment: string
  from: CapacityPlan | undefined
  to: CapacityPlan
  diff: PlanDiff
  /** When it was compared. */
  validAt: EpochSeconds
  /** Set where both plans were made for the comparison. */
  madeNow: { isSameDemand: boolean } | undefined
}

/** Below the 65,536 characters that GitHub takes. */
const limitCharacters = 60_000

/** What a pull request changes, as a comment on it: key, headline, the sections of a proposal. */
export function writeDiffComment(inputs: DiffCommentInputs): string {
  const { environment, from, to, diff, validAt, madeNow } = inputs
  const isNext = isMadeOver(from, to) && !isEmptyDiff(diff)
  const headline = isNext ? describeProposal(from, to, diff) : describeDiff(diff)
  const head = [
    formatDiffKey({ environment, validAt }),
    `### Capacity of \`${environment}\``,
    `**${escapeMarkdown(headline, mostHeadline)}**`,
  ]
  const sections = isEmptyDiff(diff)
    ? []
    : [
        ...writeWarnings(to, []),
        ...(isNext ? [writeWorkloads(from, to, rankChanges(to, diff))] : writeChanges(diff)),
        writePools(from, to),
      ]
  return fitBody(head.join('\n\n'), sections, `_${describeOrigin(madeNow)}_`, limitCharacters)
}

/** The same where neither side has a plan, nor does the configuration ask for another one. */
export function writeNoPlanComment({ environment, validAt }: DiffKey): string {
  return `${formatDiffKey({ environment, validAt })}

### Capacity of \`${environment}\`

**${noPlanHeadline}**
`
}

export const noPlanHeadline = 'No plan on either side, and llmscale.yaml says the same.'

/** What a proposal says of doing nothing holds only against the plan that it was made over. */
function isMadeOver(from: CapacityPlan | undefined, { header }: CapacityPlan): boolean {
  return header.baseline === (from?.planId ?? null)
}

function writeChanges(diff: PlanDiff): BodySection[] {
  return [
    writeTable('Workloads', 10, tabulateWorkloadChanges(diff)),
    { ...writeTable('Fields that change', 3, tabulateFieldChanges(diff)), isFolded: true },
  ].filter(({ rows }) => rows.length > 0)
}

function writeTable(title: string, importance: number, { columns, rows }: Table): BodySection {
  return {
    title,
    importance,
    before: markdownTableHead(columns),
    rows: rows.map((cells) => markdownTableRow(cells.map((cell) => escapeMarkdown(cell)))),
    where: 'what `llmscale diff` prints',
  }
}

function describeOrigin(madeNow: DiffCommentInputs['madeNow']): string {
  if (madeNow === undefined) return 'The plan before against the plan after this pull request.'
  return `${describeMadeNow(madeNow)} What is proposed after the merge comes from later demand.`
}

/** Where two plans come from that nobody committed. */
export function describeMadeNow({ isSameDemand }: { isSameDemand: boolean }): string {
  const demand = isSameDemand ? 'from the same demand' : 'each from the demand that it names'
  return `No plan differs, but llmscale.yaml does: it was planned now as it is before and after, ${demand}; nothing is written.`
}

interface DiffKey {
  environment: string
  validAt: EpochSeconds
}

function formatDiffKey({ environment, validAt }: DiffKey): string {
  return `<!-- llmscale:diff env=${environment} valid-at=${formatInstant(validAt)} -->`
}

const keyPattern = /^<!-- llmscale:diff env=([a-z0-9-]+) valid-at=([0-9TZ:.-]+) -->$/

/** Undefined where the first line is no such key. */
export function parseDiffKey(body: string): DiffKey | undefined {
  const [, environment, instant] = keyPattern.exec(splitKey(body).key) ?? []
  const validAt = instant === undefined ? undefined : parseInstant(instant)
  return validAt === undefined ? undefined : { environment: environment!, validAt }
}

/** The same for comments that say the same at different times; see `hashBody`. */
export function hashDiffComment(body: string): string {
  return hashBody(splitKey(body).text)
}

function splitKey(body: string): { key: string; text: string } {
  const [key = '', ...lines] = body.split(/\r?\n/)
  return { key, text: lines.join('\n') }
}
