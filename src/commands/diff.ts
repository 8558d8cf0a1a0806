import { Args, Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { comparePlans } from '../cli/compared-plans.js'
import { instant } from '../cli/flags.js'
import { withGitHub } from '../cli/host.js'
import { assertWritable } from '../cli/kill-switch.js'
import { besideConfig } from '../cli/project.js'
import { wrapProse } from '../cli/prose.js'
import { pullRequestOfRun } from '../cli/pull-request.js'
import { formatTable } from '../cli/table.js'
import { type DiffPost, diffPostActions, postDiff } from '../delivery/post-diff.js'
import { exitCodes } from '../kit/errors.js'
import { BreachRisk, Interval } from '../planning/capacity-plan.js'
import { diffPlans, isEmptyDiff } from '../planning/diff-plans.js'
import {
  describeMadeNow,
  noPlanHeadline,
  writeDiffComment,
  writeNoPlanComment,
} from '../review/diff-comment.js'
import { describeDiff, formatDiffMarkdown, tabulateDiff } from '../review/diff-report.js'

const Summary = z.strictObject({ planId: z.string(), usdPerDay: Interval, breachRisk: BreachRisk })
const Change = z.strictObject({
  name: z.string(),
  kind: z.enum(['added', 'removed', 'changed']),
  fields: z.array(
    z.strictObject({ field: z.string(), from: z.string().nullable(), to: z.string().nullable() }),
  ),
})

const FromTo = z.strictObject({ from: z.number().nullable(), to: z.number().nullable() })

export const Result = z.strictObject({
  environment: z.string(),
  places: z.strictObject({ from: z.string(), to: z.string() }).describe('Where each plan was found.'),
  madeNow: z
    .strictObject({ isSameDemand: z.boolean() })
    .nullable()
    .describe('Set where both plans were made for this, as only the configuration differs.'),
  headline: z.string(),
  from: Summary.nullable(),
  to: Summary.nullable().describe('Null where neither side has a plan, and llmscale.yaml says the same.'),
  deletions: z.array(z.string()),
  workloads: z.array(Change.extend({ usdPerDay: FromTo, breachRisk: FromTo })),
  pools: z.array(Change),
  others: z.array(Change).describe('Overrides, commitments and routing.'),
  comment: z
    .strictObject({ pullRequest: z.int(), action: z.enum(diffPostActions), body: z.string() })
    .nullable()
    .describe('What was done with --comment.'),
})

export default class Diff extends BaseCommand {
  static override description =
    'Compare two plans: deletions first, then workloads, pools, cost and risk. Where only llmscale.yaml differs, both configurations are planned for it.'
  static override examples = [
    '<%= config.bin %> diff main',
    '<%= config.bin %> diff origin/main HEAD --comment',
    '<%= config.bin %> diff forecasts/production /tmp/plan --format markdown',
  ]
  static override args = {
    from: Args.string({
      description: 'Folder of the plan before, or a commit or branch with one.',
      required: true,
    }),
    to: Args.string({ description: 'The same of the plan after; default the work tree.' }),
  }
  static override flags = {
    format: Flags.option({
      options: ['table', 'markdown'] as const,
      description: 'Form of the output.',
      default: 'table',
    })(),
    metrics: Flags.string({
      description: 'Demand file instead of those of the config, where plans are made.',
      multiple: true,
    }),
    'as-of': instant({ description: 'Compare as if it were this time; default now.' }),
    comment: Flags.boolean({
      description: 'Say it on the pull request too, in one comment an environment, written anew in place.',
    }),
    'pull-request': Flags.integer({
      description: 'Number of the pull request; default the one that the workflow runs for.',
      min: 1,
      dependsOn: ['comment'],
    }),
    'detailed-exitcode': Flags.boolean({
      description: `Exit ${exitCodes.changesPresent} when the plans differ.`,
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { args, flags } = await this.parse(Diff)
    const now = flags['as-of'] ?? Math.floor(Date.now() / 1000)
    if (flags.comment) assertWritable()
    const pullRequest = flags.comment ? (flags['pull-request'] ?? (await pullRequestOfRun())) : undefined
    const compared = await comparePlans(this, {
      from: args.from,
      to: args.to,
      configPath: flags.config,
      environment: flags.env,
      now,
      metrics: flags.metrics,
      toolVersion: this.config.version,
    })
    const { environment, places, madeNow = null } = compared
    if (compared.to === undefined) {
      this.log(noPlanHeadline)
      const body = writeNoPlanComment({ environment, validAt: now })
      const said = { environment, validAt: now, body, isEmpty: true }
      const comment = pullRequest === undefined ? null : await this.post(said, pullRequest, flags.config)
      const headline = noPlanHeadline
      return { environment, places, madeNow, headline, from: null, to: null, ...noChanges, comment }
    }
    const diff = diffPlans(compared.from, compared.to)
    if (flags['detailed-exitcode'] && !isEmptyDiff(diff)) process.exitCode = exitCodes.changesPresent
    if (flags.format === 'markdown') {
      this.log(formatDiffMarkdown(diff).trimEnd())
    } else {
      this.log(wrapProse(describeDiff(diff)))
      for (const { columns, rows } of tabulateDiff(diff)) this.log(`\n${formatTable(columns, rows)}`)
    }
    if (madeNow !== null) this.log(`\n${wrapProse(describeMadeNow(madeNow))}`)
    const { from, to } = compared
    const body = writeDiffComment({ environment, from, to, diff, validAt: now, madeNow: compared.madeNow })
    const said = { environment, validAt: now, body, isEmpty: isEmptyDiff(diff) }
    const comment = pullRequest === undefined ? null : await this.post(said, pullRequest, flags.config)
    return { environment, places, madeNow, headline: describeDiff(diff), ...diff, comment }
  }

  private async post(said: DiffPost, pullRequest: number, configPath: string) {
    this.progress('Asking the git host …')
    const action = await withGitHub(besideConfig(configPath, '.'), (host) =>
      postDiff(host, pullRequest, said),
    )
    this.hint(`${describeAction[action]} on #${pullRequest}.`)
    return { pullRequest, action, body: said.body }
  }
}

const noChanges = { deletions: [], workloads: [], pools: [], others: [] }

const describeAction: Record<(typeof diffPostActions)[number], string> = {
  create: 'Commented',
  update: 'Updated the comment',
  unchanged: 'The comment says the same already',
  newerExists: 'A later run has commented',
  quiet: 'Nothing to say',
}
