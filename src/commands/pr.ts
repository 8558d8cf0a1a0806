import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { type Deployment, openDeployment } from '../cli/deployment.js'
import { instant } from '../cli/flags.js'
import { withBranchHost, withGitHub } from '../cli/host.js'
import { assertWritable } from '../cli/kill-switch.js'
import { createProposal } from '../cli/proposal.js'
import { commentReceipt, createReceiptComment } from '../cli/receipt-comment.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { type Proposal, type ProposalOutcome, proposeChange } from '../delivery/propose-change.js'
import { writeRenewal } from '../delivery/renewal-file.js'
import { formatInstant } from '../kit/time.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { proposalActions } from '../review/proposal.js'

export const Proposed = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  action: z.enum(proposalActions).nullable().describe('What was done; null with --dry-run.'),
  because: z.string(),
  branch: z.string(),
  commit: z.string().nullable().describe('Commit that was written.'),
  pullRequest: z.strictObject({ number: z.int(), url: z.string() }).nullable(),
  renewedUntil: z.string().nullable().describe('New end of the validity of the plan in force.'),
  title: z.string(),
  body: z.string(),
})

const Told = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  receipt: z.string().nullable().describe('Id; null where the apply did not begin.'),
  told: z
    .array(z.strictObject({ number: z.int(), url: z.string() }))
    .nullable()
    .describe('Pull requests that have the comment; null with --dry-run.'),
  body: z.string(),
})

export const Result = z.union([Proposed, Told.describe('With --receipt.')])

export default class PullRequest extends BaseCommand {
  static override description =
    'Propose the plan: one branch, one commit, one pull request an environment, refreshed in place.'
  static override examples = [
    '<%= config.bin %> pr --dry-run',
    '<%= config.bin %> plan && <%= config.bin %> preview --write && <%= config.bin %> pr',
    '<%= config.bin %> pr --git-only',
    '<%= config.bin %> pr --receipt',
  ]
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Print title and body; ask nobody, write nothing.' }),
    'git-only': Flags.boolean({
      description: 'Push the branch to origin, whatever host that is, and no more.',
    }),
    receipt: Flags.boolean({
      description: 'Tell the merged pull request of this commit how its apply went, instead.',
      exclusive: ['git-only'],
    }),
    'as-of': instant({ description: 'Take it for this time; default now. Only with the local backend.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(PullRequest)
    const deployment = await openDeployment({
      ...flags,
      env: flags.env,
      plan: undefined,
      region: undefined,
      'allow-delete': [],
      'allow-purchase': [],
    })
    if (flags.receipt) return this.tell(deployment, flags['dry-run'])
    const { inputs, environment } = deployment
    const { proposal, inForce, warnings } = await createProposal(deployment)
    for (const each of warnings) this.note(each)
    const { planId } = inputs.plan
    const { title, body, branch } = proposal
    const answer = { planId, environment, branch, title, body }
    if (flags['dry-run']) {
      this.log(`# ${title}\n\n${body.trimEnd()}`)
      this.hint('Nothing was written.')
      const because = proposal.materiality.reasons.join('; ')
      return { ...answer, action: null, because, commit: null, pullRequest: null, renewedUntil: null }
    }
    assertWritable()

    this.progress('Asking the git host …')
    const outcome = await withBranchHost(deployment.projectFolder, flags['git-only'], (host) =>
      proposeChange(host, proposal, inputs.now),
    )
    for (const each of outcome.warnings) this.note(each)
    this.print(proposal, outcome)
    const stands =
      inForce !== undefined && (inForce.planId === planId || ['quiet', 'obsolete'].includes(outcome.action))
    const renewedUntil = stands ? await renew(deployment, inForce) : null
    if (renewedUntil !== null)
      this.log(`Plan ${inForce!.planId.slice(0, 12)} in force may be applied until ${renewedUntil}.`)
    const { action, because, commit, pullRequest } = outcome
    return {
      ...answer,
      action,
      because,
      commit: commit ?? null,
      pullRequest: pullRequest ?? null,
      renewedUntil,
    }
  }

  /** Says to people what an apply did. */
  private async tell(deployment: Deployment, dryRun: boolean): Promise<z.infer<typeof Told>> {
    const { inputs, environment, projectFolder } = deployment
    const comment = await createReceiptComment(deployment)
    const { receipt, body } = comment
    const answer = { planId: inputs.plan.planId, environment, receipt: receipt?.id ?? null, body }
    if (dryRun) {
      this.log(body.trimEnd())
      this.hint('Nothing was written.')
      return { ...answer, told: null }
    }
    assertWritable()
    const pulls = await withGitHub(projectFolder, (host) => commentReceipt(host, deployment, comment))
    const told = pulls.map(({ number, url }) => ({ number, url }))
    this.log(
      told.length === 0
        ? 'No pull request brought this commit, so nobody is told.'
        : `Told ${told.map(({ number, url }) => `#${number} ${url}`).join(', ')}.`,
    )
    return { ...answer, told }
  }

  private print(
    { branch, title }: Proposal,
    { action, because, commit, pullRequest }: ProposalOutcome,
  ): void {
    const written = commit === undefined ? '' : ` ${branch} is at ${commit.slice(0, 10)}.`
    const where = pullRequest === undefined ? '' : ` #${pullRequest.number} ${pullRequest.url}`
    this.log(`${describeAction[action]}${where}: ${because}.${written}`)
    if (action === 'create' || action === 'refresh') this.log(title)
  }
}

const describeAction: Record<ProposalOutcome['action'], string> = {
  create: 'Proposed',
  refresh: 'Refreshed',
  unchanged: 'Nothing to write',
  newerExists: 'Left alone',
  edited: 'Left alone',
  snoozed: 'Snoozed',
  quiet: 'Quiet',
  obsolete: 'Closed',
}

/**
 * The plan in force is the right one still, or the new one is not worth a review: it may be applied for longer without
 * one, and nothing that is deployed depends on it. Gives the new end, or null where it is no later.
 */
async function renew(
  { settings, projectFolder, environment, inputs }: Deployment,
  inForce: CapacityPlan,
): Promise<string | null> {
  const { validUntil } = inputs.plan.header
  if (validUntil <= inForce.header.validUntil) return null
  const store = await openStateStore(settings, projectFolder)
  const renewal = { planId: inForce.planId, renewedAt: formatInstant(inputs.now), validUntil }
  return (await writeRenewal(store, environment, renewal)) ? validUntil : null
}
