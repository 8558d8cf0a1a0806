import { relative } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { describeActor } from '../cli/actor.js'
import { BaseCommand } from '../cli/base-command.js'
import { requireAllowed } from '../cli/deletions.js'
import { instant } from '../cli/flags.js'
import { foreseeRefusals } from '../cli/foreseen-refusals.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import { findAuthor, listHolds, removeHold, writeHold } from '../delivery/hold-file.js'
import { planFolder, readPlan, writePlan } from '../delivery/plan-folder.js'
import { readNamedPlan, readPreviousPlan, requireCommitted } from '../delivery/plan-history.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { type CapacityPlan, PlanHeader } from '../planning/capacity-plan.js'
import { diffPlans } from '../planning/diff-plans.js'
import { Hold } from '../planning/hold.js'
import { rollBackPlan } from '../planning/rollback.js'
import { describeDiff, tabulateDiff } from '../review/diff-report.js'

export const Result = z.strictObject({
  planId: z.string().describe('Of the plan that is gone back to.'),
  from: z.string().describe('Of the plan in force.'),
  environment: z.string(),
  place: z.string().describe('Commit or folder in which it was found.'),
  headline: z.string(),
  deletions: z.array(z.string()),
  header: PlanHeader,
  hold: Hold,
  written: z.array(z.string()).describe('Files written.'),
})

export default class Rollback extends BaseCommand {
  static override description =
    'Go back to the plan before, as a change to review, with a hold that keeps newer plans from undoing it.'
  static override examples = [
    '<%= config.bin %> rollback --reason "floors too low since Monday"',
    '<%= config.bin %> rollback --reason "incident 7" --to HEAD~3 --until 2026-12-01T18:00:00Z --dry-run',
  ]
  static override flags = {
    reason: Flags.string({ description: 'Why; stands in the plan and in the hold.', required: true }),
    to: Flags.string({
      description: 'Commit, branch or folder of the plan to go back to; default the one before.',
    }),
    until: instant({ description: 'End of the hold; default when the plan is no longer valid.' }),
    by: Flags.string({ description: 'Who answers for it; default the user of git.' }),
    'allow-delete': Flags.string({
      description: 'Workload or pool that going back may delete.',
      multiple: true,
      default: [],
    }),
    'dry-run': Flags.boolean({ description: 'Print what would change, write nothing.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Rollback)
    const config = await readConfig(flags.config)
    const { name: environment } = environmentOf(config, flags.env)
    const folder = relative('', besideConfig(flags.config, planFolder(environment)))
    const now = Math.floor(Date.now() / 1000)
    const reason = flags.reason.trim()
    if (reason === '') throw new LlmscaleError('usage', 'FLAG_INVALID', '--reason: "" is not a text')

    const present = await readPlan(folder)
    if (!flags['dry-run']) await requireCommitted(folder)
    const { plan: previous, place } =
      flags.to === undefined ? await readPreviousPlan(folder, present) : await readNamedPlan(folder, flags.to)
    const plan = rollBackPlan({
      config,
      environment,
      previous,
      present,
      reason,
      now,
      toolVersion: this.config.version,
    })
    const by = flags.by?.trim() || ((await findAuthor(folder)) ?? describeActor())
    const hold = createHold(plan, { reason, by, until: flags.until, now })
    const diff = diffPlans(present, plan)
    const headline = describeDiff(diff)
    this.log(`Back to plan ${plan.planId.slice(0, 12)} of ${previous.header.origin}, found in ${place}.`)
    this.log(`\n${headline}`)
    for (const { columns, rows } of tabulateDiff(diff)) this.log(`\n${formatTable(columns, rows)}`)
    for (const { code, message } of plan.header.findings) this.log(`\n${code}: ${message}`)

    const allowDelete = flags['allow-delete']
    requireAllowed('going back', diff.deletions, allowDelete)
    await this.noteOtherHolds(folder, plan, now)
    for (const each of foreseeRefusals({ config, environment, plan, inForce: present, now, allowDelete }))
      this.note(each)
    const written = flags['dry-run'] ? [] : await write(folder, plan, hold)
    this.hint(
      flags['dry-run']
        ? 'Nothing written.'
        : `Wrote ${written.length} files to ${folder}; newer plans are held until ${hold.until}. Next: ` +
            `${['llmscale preview --write', ...allowDelete.map((name) => `--allow-delete ${name}`)].join(' ')}, ` +
            'commit, have it reviewed, llmscale apply.',
    )
    const { planId, header } = plan
    return {
      planId,
      from: present.planId,
      environment,
      place,
      headline,
      deletions: diff.deletions,
      header,
      hold,
      written,
    }
  }

  /** A hold is a person's word: nothing here removes one. */
  private async noteOtherHolds(folder: string, { planId }: CapacityPlan, now: EpochSeconds): Promise<void> {
    for (const { name, hold } of await listHolds(folder)) {
      const isOver = hold?.until !== undefined && now >= parseInstant(hold.until)!
      if (isOver || hold?.except === planId) continue
      this.note({
        code: 'HELD',
        message: `hold ${name} forbids this plan too: llmscale hold --remove ${name}, if its reason is gone`,
      })
    }
  }
}

/** Lasts as long as the plan may be applied: shorter, and the next plan would undo it; longer, and nothing could be. */
function createHold(
  { planId, header }: CapacityPlan,
  {
    reason,
    by,
    until,
    now,
  }: { reason: string; by: string; until: EpochSeconds | undefined; now: EpochSeconds },
): Hold {
  if (until !== undefined && until <= now)
    throw new LlmscaleError(
      'usage',
      'FLAG_INVALID',
      `--until: "${formatInstant(until)}" is not in the future`,
    )
  return {
    reason,
    by,
    until: until === undefined ? header.validUntil : formatInstant(until),
    except: planId,
  }
}

/** The hold first: a plan without it would be undone, a hold without the plan only waits. */
async function write(folder: string, plan: CapacityPlan, hold: Hold): Promise<string[]> {
  const name = `rollback-${plan.header.origin.toLowerCase().replace(/[^0-9tz]/g, '')}`
  const path = await writeHold(folder, name, hold)
  try {
    return [...(await writePlan(folder, plan)), path]
  } catch (error) {
    await removeHold({ path })
    throw error
  }
}
