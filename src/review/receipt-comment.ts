import { escapeMarkdown, escapeName } from './escape-markdown.js'
import { describeOutcome, tabulateSteps } from './rollout-tables.js'
import { formatMarkdownTable } from './table.js'

/** What a guard or a policy says. */
export interface Verdict {
  guard: string
  state: 'passed' | 'refused' | 'not-checked'
  message: string
}

/** What a comment tells of a run that changed stacks. */
interface RunReceipt {
  id: string
  environment: string
  planId: string
  by: string
  startedAt: string
  finishedAt: string | null
  state: 'running' | 'done' | 'failed' | 'interrupted' | 'crashed'
  toolVersion: string
  verdicts: readonly Verdict[]
  steps: Parameters<typeof tabulateSteps>[0]
}

/** An apply that was refused: it changed nothing, and so has no receipt. */
interface RefusedRun {
  /** Names the run. */
  id: string
  environment: string
  planId: string
  by: string
  verdicts: readonly Verdict[]
}

/** What a comment is known by: a run is never told twice. */
export function formatReceiptKey({ environment, id }: Pick<RunReceipt, 'environment' | 'id'>): string {
  return `<!-- llmscale:receipt ${environment} ${id.replace(/[^\w-]/g, '')} -->`
}

/** Markdown of what an apply did, for the pull request that brought its plan. */
export function writeReceiptComment(receipt: RunReceipt): string {
  const { startedAt, finishedAt, toolVersion, steps, verdicts } = receipt
  const until = finishedAt === null ? `since ${startedAt}` : `from ${startedAt} to ${finishedAt}`
  return join(
    `${headlines[receipt.state](describePlan(receipt))}: ${escapeMarkdown(describeOutcome(steps))}.`,
    `By ${describeActor(receipt.by)}, ${until}, with llmscale ${escapeMarkdown(toolVersion)}; receipt \`${receipt.id}\`.`,
    steps.length === 0 ? '' : formatMarkdownTable(tabulateSteps(steps)),
    listVerdicts(verdicts),
  )
}

/** Markdown of an apply that did not begin. */
export function writeRefusalComment(run: RefusedRun): string {
  const because =
    run.verdicts.length === 0 ? 'Its log says why.' : 'This forbids it, as far as its files can tell:'
  return join(
    `**The apply of ${describePlan(run)} did not begin**: nothing was changed.`,
    `By ${describeActor(run.by)}. ${because}`,
    listVerdicts(run.verdicts),
  )
}

const headlines: Record<RunReceipt['state'], (plan: string) => string> = {
  done: (plan) => `**Applied ${plan}**`,
  failed: (plan) => `**The apply of ${plan} failed**`,
  interrupted: (plan) => `**The apply of ${plan} was interrupted**`,
  crashed: (plan) => `**The apply of ${plan} crashed**`,
  running: (plan) => `**The apply of ${plan} has not ended**`,
}

const join = (...parts: readonly string[]) => `${parts.filter(Boolean).join('\n\n')}\n`

function describePlan({ planId, environment }: Pick<RunReceipt, 'planId' | 'environment'>): string {
  return `plan \`${planId.slice(0, 12)}\` to ${escapeName(environment)}`
}

/** A workflow's actor with a link to the run, where the text is that. */
function describeActor(by: string): string {
  const [, actor, run] =
    /^([\w[\]-]+) \((https:\/\/[\w.:-]+(?:\/[\w.-]+){2}\/actions\/runs\/\d+)\)$/.exec(by) ?? []
  return actor === undefined ? escapeName(by) : `${escapeName(actor)} ([run](${run}))`
}

function listVerdicts(verdicts: readonly Verdict[]): string {
  return verdicts
    .filter(({ state }) => state !== 'passed')
    .map(
      ({ guard, state, message }) =>
        `- ${escapeMarkdown(guard)} **${state.replace('-', ' ')}**: ${escapeMarkdown(message)}`,
    )
    .join('\n')
}
