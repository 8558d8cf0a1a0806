import { relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { requireAllowed } from '../cli/deletions.js'
import { instant } from '../cli/flags.js'
import { makePlan } from '../cli/make-plan.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { wrapProse } from '../cli/prose.js'
import { formatTable } from '../cli/table.js'
import type { Config } from '../config/schema.js'
import { planFolder, readPlanIfAny, writePlan } from '../delivery/plan-folder.js'
import { exitCodes, LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import { type CapacityPlan, PlanHeader, WorkloadReport } from '../planning/capacity-plan.js'
import { diffPlans, isEmptyDiff, type PlanDiff } from '../planning/diff-plans.js'
import { findPastPeaks, type PastPeak } from '../planning/past-peaks.js'
import { needsRenewal, renewPlan } from '../planning/renewal.js'
import { drawDemandCharts } from '../review/demand-chart.js'
import { describeDiff } from '../review/diff-report.js'
import {
  describePlan,
  tabulateCapacity,
  tabulatePools,
  tabulateSkill,
  tabulateWorkloads,
} from '../review/plan-tables.js'

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  baseline: z.string().nullable().describe('Plan id that was in force.'),
  changed: z.boolean().describe('Whether the decision differs from the plan in force.'),
  renewed: z.boolean().describe('Whether an unchanged decision is made valid for longer.'),
  written: z.array(z.string()).describe('Files written.'),
  deletions: z.array(z.string()),
  header: PlanHeader,
  workloads: z.array(WorkloadReport),
})

export default class Plan extends BaseCommand {
  static override description = 'Turn the demand history into a capacity plan for review.'
  static override examples = [
    '<%= config.bin %> plan',
    '<%= config.bin %> plan --env production --as-of 2025-03-17T00:00:00Z --dry-run',
  ]
  static override flags = {
    metrics: Flags.string({ description: 'Demand file instead of those of the config.', multiple: true }),
    'as-of': instant({ description: 'Plan as if it were this time; default now.' }),
    out: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    'dry-run': Flags.boolean({ description: 'Print the plan, write nothing.' }),
    'ignore-baseline': Flags.boolean({
      description: 'Plan as if none were in force: its files cannot be read.',
    }),
    'allow-delete': Flags.string({
      description: 'Workload, pool or reservation that this plan may delete.',
      multiple: true,
      default: [],
    }),
    'allow-purchase': Flags.string({
      description: 'Reservation of llmscale.yaml that this plan may propose to buy.',
      multiple: true,
      default: [],
    }),
    'detailed-exitcode': Flags.boolean({
      description: `Exit ${exitCodes.changesPresent} when the decision changes.`,
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Plan)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    requireReservations(config, environment, flags['allow-purchase'])
    const now = flags['as-of'] ?? Math.floor(Date.now() / 1000)
    const folder = flags.out ?? besideConfig(flags.config, planFolder(environment))

    const baseline = flags['ignore-baseline'] ? undefined : await readPlanIfAny(folder)
    const { plan: made, history } = await makePlan(this, {
      config,
      environment,
      baseline,
      now,
      demand: flags,
      allowedPurchases: flags['allow-purchase'],
      toolVersion: this.config.version,
    })

    const diff = diffPlans(baseline, made)
    const changed = !isEmptyDiff(diff)
    const kept = changed ? undefined : baseline
    const plan = kept === undefined ? made : renewPlan(kept, made)
    const renewed = kept !== undefined && needsRenewal(kept, plan, now)
    const idle = flags['allow-delete'].filter((name) => !diff.deletions.includes(name))
    if (idle.length > 0)
      this.note({
        code: 'NOTHING_TO_DELETE',
        message: `--allow-delete ${idle.join(', ')}: this plan does not delete it`,
      })
    if (diff.deletions.some((name) => !flags['allow-delete'].includes(name))) this.print(plan, diff)
    requireAllowed('this plan', diff.deletions, flags['allow-delete'])
    const writes = !flags['dry-run'] && (changed || baseline === undefined || renewed)
    const written = writes
      ? await writePlan(
          folder,
          plan,
          drawDemandCharts(plan, baseline, (workload) => pastPeaksOf(workload, plan, history, config)),
        )
      : []
    if (changed && flags['detailed-exitcode']) process.exitCode = exitCodes.changesPresent
    this.print(plan, diff)
    if (kept !== undefined) this.log(wrapProse(describeKept(kept, plan, renewed)))
    this.hint(
      written.length > 0
        ? `Wrote ${written.length} files to ${relative('', folder) || '.'}. Next: llmscale explain, llmscale render, llmscale preview.`
        : 'Nothing written.',
    )
    return {
      planId: plan.planId,
      environment,
      baseline: baseline?.planId ?? null,
      changed,
      renewed,
      written,
      deletions: diff.deletions,
      header: plan.header,
      workloads: plan.reports,
    }
  }

  private print(plan: CapacityPlan, diff: PlanDiff): void {
    const { header } = plan
    this.log(
      wrapProse(
        `Plan ${plan.planId.slice(0, 12)} for ${plan.decision.environment}, as of ${header.origin}, valid until ${header.validUntil}`,
      ),
    )
    this.log(wrapProse(describePlan(plan)))
    if (header.findings.length > 0) {
      const lines = header.findings.map((finding) => `  ${finding.code}: ${finding.message}`)
      this.log(wrapProse(`\nFindings:\n${lines.join('\n')}`))
    }
    this.log(`\n${print(tabulateWorkloads(plan))}`)
    this.log(wrapProse('Workloads: shares of nodes at on-demand prices. The total: whole nodes, spot last.'))
    this.log(`\nScored on past days, out of sample (rolling origin):\n${print(tabulateSkill(plan))}`)
    this.log(`\n${print(tabulateCapacity(plan))}`)
    this.log(`\n${print(tabulatePools(plan))}`)
    this.log(wrapProse(`\n${describeDiff(diff)}`))
  }
}

const shownPastDays = 14

function pastPeaksOf(
  workload: Workload,
  { decision, reports }: CapacityPlan,
  history: DemandHistory,
  { planning }: Config,
): PastPeak[] {
  const id = workloadId(workload)
  const demand = history.workloads.find((each) => workloadId(each.workload) === id)
  const index = decision.workloads.findIndex((each) => workloadId(each) === id)
  if (demand === undefined || index < 0) return []
  const { burstFactor } = planning
  return findPastPeaks(history, demand, decision.workloads[index]!, reports[index]!, {
    days: shownPastDays,
    burstFactor,
  })
}

/** What becomes of a plan in force whose decision is the right one still. */
function describeKept(kept: CapacityPlan, { header }: CapacityPlan, renewed: boolean): string {
  const { origin, validUntil } = kept.header
  return renewed
    ? `The plan of ${origin} stands. It was valid until ${validUntil}, and is renewed until ${header.validUntil}.`
    : `The plan of ${origin} stands, valid until ${validUntil}.`
}

function print({
  columns,
  rows,
}: {
  columns: { header: string; align?: 'right' }[]
  rows: string[][]
}): string {
  return formatTable(columns, rows)
}

/** A name that nothing has would silently buy nothing. */
function requireReservations(config: Config, environment: string, names: readonly string[]): void {
  const known = config.environments[environment]!.reservations.map(({ name }) => name)
  const stranger = names.find((name) => !known.includes(name))
  if (stranger === undefined) return
  const near = nearestName(stranger, known)
  throw new LlmscaleError(
    'usage',
    'RESERVATION_UNKNOWN',
    `--allow-purchase ${stranger}: environments.${environment}.reservations has ${known.join(', ') || 'none'}`,
    near === undefined ? [] : [`Did you mean ${near}?`],
  )
}
