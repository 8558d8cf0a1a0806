import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { confirm } from '../cli/confirm.js'
import {
  type Deployment,
  isPulumis,
  openDeployment,
  type StackTarget,
  selectRegions,
  stackSettings,
} from '../cli/deployment.js'
import { listOrphans } from '../cli/orphans.js'
import { checkReview, findLeftovers, renewDeployment, runStacks } from '../cli/run-stacks.js'
import { formatTable } from '../cli/table.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { ReceiptStep } from '../delivery/receipt.js'
import { LlmscaleError } from '../kit/errors.js'
import { assertGuards, checkGuards, type GuardVerdict } from '../planning/guards.js'
import { type StackDeletion, tabulateDeletions, tabulateSteps } from '../review/rollout-tables.js'

export const Result = z.strictObject({
  environment: z.string(),
  dryRun: z.boolean(),
  receipt: z.string().nullable().describe('Id of the receipt; null with --dry-run.'),
  stacks: z.array(
    z.strictObject({
      stack: z.string(),
      isOrphan: z.boolean().describe('The plan no longer has it.'),
      deletes: z.array(z.string()).describe('Resources that go, by urn.'),
      keeps: z.array(z.string()).describe('Resources that stay, as they are protected.'),
    }),
  ),
  steps: z.array(ReceiptStep),
})

export default class Destroy extends BaseCommand {
  static override description =
    'Delete what was deployed: serving first, then capacity. What is protected, as reservations are, stays.'
  static override examples = [
    '<%= config.bin %> destroy --env staging --allow-delete staging --dry-run',
    '<%= config.bin %> destroy --env staging --allow-delete staging',
    '<%= config.bin %> destroy --allow-delete prod --orphans',
  ]
  static override flags = {
    region: Flags.string({ description: 'Only this region, in the plan or no longer in it.' }),
    orphans: Flags.boolean({ description: 'Only stacks that the plan no longer has.' }),
    'dry-run': Flags.boolean({ description: 'Show what would be deleted, and delete nothing.' }),
    'allow-delete': Flags.string({
      description: 'Name of the environment, to say that all of it may go.',
      required: true,
    }),
    yes: Flags.boolean({ description: 'Do not ask.' }),
    'break-lock': Flags.string({
      description: 'Take the lock of this run, which is known to be dead.',
      helpValue: 'RUN',
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Destroy)
    const opening = {
      ...flags,
      env: flags.env,
      region: undefined,
      plan: undefined,
      'as-of': undefined,
      'allow-delete': [],
      'allow-purchase': [],
    }
    const opened = await openDeployment(opening)
    const { environment, settings } = opened
    if (flags['allow-delete'] !== environment) throw deletionRefused(environment, flags['allow-delete'])
    const approval = await checkReview(opened)
    assertGuards(checkDeletion(opened, approval))
    const deployment = selectStacks(opened, await listOrphans(opened), flags)
    const store = await openStateStore(settings, deployment.projectFolder)
    for (const each of await findLeftovers(deployment, store)) this.note(each)
    const stacks = await this.showDeletions(deployment)
    if (flags['dry-run']) {
      this.log('Nothing was deleted.')
      return { environment, dryRun: true, receipt: null, stacks, steps: [] }
    }
    if (!flags.yes) await confirm(`Delete this from ${environment}?`, ['Add --yes, if all of it may go.'])

    const judge = async () => {
      const verdicts = checkDeletion(await renewDeployment(deployment, opening), approval)
      assertGuards(verdicts)
      return verdicts
    }
    const receipt = await runStacks({
      deployment,
      store,
      toolVersion: this.config.version,
      waves: [[orderDeletion(deployment).map(({ stack, region }) => ({ stack, region, step: 'destroy' }))]],
      parallel: 1,
      breakLock: flags['break-lock'],
      judge,
      runStep: async (target) => {
        await judge()
        this.progress(`Destroying ${target.stack} …`)
        const { destroyStack } = await import('../delivery/engine.js')
        const { createFinder } = await import('../delivery/pending-creates.js')
        return destroyStack(stackSettings(deployment, target), createFinder(target.region))
      },
      report: ({ id, steps }) => {
        const { columns, rows } = tabulateSteps(steps)
        this.log(formatTable(columns, rows))
        this.hint(`Receipt ${id} in ${store.place}.`)
      },
    })
    const { steps } = receipt
    const kept = stacks.reduce((sum, { keeps }) => sum + keeps.length, 0)
    const stays = kept === 0 ? '' : `; ${kept} protected ${kept === 1 ? 'stays' : 'stay'}`
    const deleted = steps.reduce((sum, { changed }) => sum + (changed['delete'] ?? 0), 0)
    this.log(`\n${deleted || 'No'} resource${deleted === 1 ? '' : 's'} of ${environment} deleted${stays}.`)
    return { environment, dryRun: false, receipt: receipt.id, stacks, steps }
  }

  /** What is in the stacks by their state, before anybody is asked. */
  private async showDeletions(deployment: Deployment): Promise<StackDeletion[]> {
    const { readStackResources } = await import('../delivery/engine.js')
    const deletions: StackDeletion[] = []
    for (const target of orderDeletion(deployment)) {
      this.progress(`Reading ${target.stack} …`)
      const resources = (await readStackResources(stackSettings(deployment, target))) ?? []
      const urnsOf = (isProtected: boolean) =>
        resources.filter((each) => each.isProtected === isProtected).map(({ urn }) => urn)
      const { stack, isOrphan = false } = target
      deletions.push({ stack, isOrphan, deletes: urnsOf(false), keeps: urnsOf(true) })
    }
    const { columns, rows } = tabulateDeletions(deletions)
    this.log(rows.length > 0 ? `${formatTable(columns, rows)}\n` : 'The stacks hold nothing.\n')
    return deletions
  }
}

/**
 * What is deleted: the stacks of the plan and those that left it, or some of them. Throws REGION_UNKNOWN for a region
 * that has neither, and NO_ORPHANS.
 */
function selectStacks(
  deployment: Deployment,
  orphans: readonly StackTarget[],
  flags: { region: string | undefined; orphans: boolean },
): Deployment {
  const all = flags.orphans ? orphans : [...deployment.planned, ...orphans]
  if (flags.orphans && orphans.length === 0)
    throw new LlmscaleError(
      'usage',
      'NO_ORPHANS',
      `--orphans: every stack of ${deployment.environment} is in the plan`,
    )
  const regions = selectRegions([...new Set(all.map(({ region }) => region))].sort(), flags.region)
  return { ...deployment, regions, stacks: all.filter(({ region }) => regions.includes(region)) }
}

/** What uses capacity goes before it. */
function orderDeletion(deployment: Deployment): StackTarget[] {
  const rank = ({ layer }: StackTarget) => (layer === 'serving' ? 0 : 1)
  return deployment.stacks.filter((target) => isPulumis(deployment, target)).sort((a, b) => rank(a) - rank(b))
}

const deletionGuards = ['kill-switch', 'environment', 'backend', 'hold']

/**
 * Of the guards, those that forbid any write, and the review: an old plan or a decrease do not keep an environment
 * alive. A hold with an exception lets one plan be applied, and no environment be deleted.
 */
function checkDeletion({ inputs, regions }: Deployment, approval: GuardVerdict): GuardVerdict[] {
  const holds = inputs.holds.map(({ except: _except, ...hold }) => hold)
  const guards = regions.flatMap((region) => checkGuards({ ...inputs, holds, region, writes: true }))
  return [...guards.filter(({ guard }) => deletionGuards.includes(guard)), approval]
}

function deletionRefused(environment: string, given: string): LlmscaleError {
  return new LlmscaleError(
    'policy',
    'DELETION_NOT_ALLOWED',
    `--allow-delete ${given}: this would delete environment ${environment}`,
    [`--allow-delete ${environment}, if that is what you want.`],
  )
}
