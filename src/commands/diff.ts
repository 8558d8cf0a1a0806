import { Args, Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { formatTable } from '../cli/table.js'
import { readPlan } from '../delivery/plan-folder.js'
import { exitCodes } from '../kit/errors.js'
import { BreachRisk, Interval } from '../planning/capacity-plan.js'
import { diffPlans, isEmptyDiff } from '../planning/diff-plans.js'
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
  headline: z.string(),
  from: Summary.nullable(),
  to: Summary,
  deletions: z.array(z.string()),
  workloads: z.array(Change.extend({ usdPerDay: FromTo, breachRisk: FromTo })),
  pools: z.array(Change),
  others: z.array(Change).describe('Overrides, commitments and routing.'),
})

export default class Diff extends BaseCommand {
  static override description = 'Compare two plans: deletions first, then workloads, pools, cost and risk.'
  static override examples = ['<%= config.bin %> diff forecasts/production /tmp/plan --format markdown']
  static override args = {
    from: Args.string({ description: 'Folder of the plan before.', required: true }),
    to: Args.string({ description: 'Folder of the plan after.', required: true }),
  }
  static override flags = {
    format: Flags.option({
      options: ['table', 'markdown'] as const,
      description: 'Form of the output.',
      default: 'table',
    })(),
    'detailed-exitcode': Flags.boolean({
      description: `Exit ${exitCodes.changesPresent} when the plans differ.`,
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { args, flags } = await this.parse(Diff)
    const diff = diffPlans(await readPlan(args.from), await readPlan(args.to))
    if (flags['detailed-exitcode'] && !isEmptyDiff(diff)) process.exitCode = exitCodes.changesPresent
    if (flags.format === 'markdown') {
      this.log(formatDiffMarkdown(diff).trimEnd())
    } else {
      this.log(describeDiff(diff))
      for (const { columns, rows } of tabulateDiff(diff)) this.log(`\n${formatTable(columns, rows)}`)
    }
    return { headline: describeDiff(diff), ...diff }
  }
}
