import type { CapacityPlan } from '../planning/capacity-plan.js'
import type { PlanDiff } from '../planning/diff-plans.js'
import type { Materiality } from '../planning/materiality.js'
import type { ReviewedChanges } from '../planning/reviewed-changes.js'
import type { PlanScore } from '../planning/score-plan.js'
import { fitBody } from './body-section.js'
import { writeChangeSet, writeVerdicts } from './change-set-section.js'
import { controlActions, formatControl } from './controls.js'
import { escapeMarkdown } from './escape-markdown.js'
import { writeEvidence, writeSkill, writeWarnings } from './evidence-section.js'
import { describeProposal, rankChanges, titleProposal } from './headline.js'
import { formatHiddenKey } from './hidden-key.js'
import type { ListedHold } from './hold-table.js'
import { writeInForce, writeLastScore } from './in-force-section.js'
import { writePeaks } from './peak-section.js'
import { writePools } from './pool-section.js'
import type { StackVerdicts } from './preview-tables.js'
import { writeTurningPoints } from './turning-points.js'
import { writeWorkloads } from './workload-section.js'

export interface PullRequestInputs {
  /** The plan in force; undefined for a first plan. */
  base?: CapacityPlan
  plan: CapacityPlan
  /** From `base` to `plan`. */
  diff: PlanDiff
  /** What the previews of the stacks say; absent where none was made. */
  changes?: ReviewedChanges
  /** What guards and policies say of each stack, as far as it is known. */
  verdicts: readonly StackVerdicts[]
  /** Holds in force. */
  holds: readonly ListedHold[]
  /** How the plan in force did; absent where nothing was scored. */
  score?: PlanScore
  materiality?: Materiality
  /** Commit of the base branch that the plan was made on. */
  baseCommit: string
  /** URL of the environment's folder, `forecasts/<env>`, on the pull request's branch; without it nothing is linked. */
  folderUrl?: string
  /** Default well below the 65,536 characters that GitHub takes. */
  limitCharacters?: number
}

export interface PullRequestText {
  title: string
  body: string
  /** One sentence, plain text. */
  headline: string
}

const defaultLimitCharacters = 60_000
/** Longer than any headline that four names can make. */
const headlineCharacters = 1200

/**
 * What people judge a plan by, in the order in which they ask: what, at what price and risk, why, when it would be
 * wrong, what exactly. Pure: the same inputs give the same bytes.
 */
export function writePullRequest(inputs: PullRequestInputs): PullRequestText {
  const { base, plan, diff, changes, verdicts, holds, score, materiality, baseCommit, folderUrl } = inputs
  const { decision, header, planId } = plan
  const headline = describeProposal(base, plan, diff)
  const changed = rankChanges(plan, diff)
  const key = formatHiddenKey({
    environment: decision.environment,
    planId,
    validAt: header.origin,
    expiresAt: header.validUntil,
    base: baseCommit,
  })
  const sections = [
    ...writeWarnings(plan, verdicts),
    writeWorkloads(base, plan, changed),
    writePools(base, plan),
    ...writePeaks(plan, changed, folderUrl),
    writeTurningPoints(plan, changed, materiality),
    writeChangeSet(plan, changes),
    ...writeVerdicts(verdicts),
    writeEvidence(plan, baseCommit),
    writeSkill(plan),
    writeLastScore(score),
    writeInForce(plan, holds),
  ]
  return {
    title: titleProposal(base, plan, diff),
    headline,
    body: fitBody(
      `${key}\n\n**${escapeMarkdown(headline, headlineCharacters)}**`,
      sections,
      writeControls(decision.environment),
      inputs.limitCharacters ?? defaultLimitCharacters,
    ),
  }
}

function writeControls(environment: string): string {
  const boxes = controlActions.map((action) => formatControl({ action, environment }))
  return ['### Controls', '', ...boxes].join('\n')
}
