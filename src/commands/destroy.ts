import { Flags } from '@oclif/core'
import { z } from 'zod'
import { BaseCommand } from '../cli/base-command.js'
import { confirm } from '../cli/confirm.js'
import { type Deployment, isPulumis, openDeployment, stackSettings } from '../cli/deployment.js'
import { checkReview, findLeftovers, renewDeployment, runStacks } from '../cli/run-stacks.js'
import { formatTable } from '../cli/table.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { ReceiptStep } from '../delivery/receipt.js'
import { LlmscaleError } from '../kit/errors.js'
import { assertGuards, checkGuards, type GuardVerdict } from '../planning/guards.js'
import type { RolloutStep } from '../planning/rollout.js'
import { tabulateSteps } from '../review/rollout-tables.js'

export const Result = z.strictObject({
  environment: z.string(),
  receipt: z.string(),
  steps: z.array(ReceiptStep),
})

export default class Destroy extends BaseCommand {
  static override description =
    'Delete what was deployed: serving first, then capacity. What is protected, as reservations are, stays.'
  static override examples = ['<%= config.bin %> destroy --env staging --allow-delete staging']
  static override flags = {
    region: Flags.string({ description: 'Only this region.' }),
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
      plan: undefined,
      'as-of': undefined,
      'allow-delete': [],
      'allow-purchase': [],
    }
    const deployment = await openDeployment(opening)
    const { environment, settings } = deployment
    if (flags['allow-delete'] !== environment) throw deletionRefused(environment, flags['allow-delete'])
    const approval = await checkReview(deployment)
    assertGuards(checkDeletion(deployment, approval))
    const store = await openStateStore(settings, deployment.projectFolder)
    for (const each of await findLeftovers(deployment, store)) this.note(each)
    if (!flags.yes) await confirm(`Delete everything that llmscale deployed to ${environment}?`)

    const judge = async () => {
      const verdicts = checkDeletion(await renewDeployment(deployment, opening), approval)
      assertGuards(verdicts)
      return verdicts
    }
    const receipt = await runStacks({
      deployment,
      store,
      toolVersion: this.config.version,
      waves: [[planDeletion(deployment)]],
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
    return { environment, receipt: receipt.id, steps: receipt.steps }
  }
}

/** What uses capacity goes before it. */
function planDeletion(deployment: Deployment): RolloutStep[] {
  return deployment.stacks
    .filter((target) => isPulumis(deployment, target))
    .sort((a, b) => (a.layer < b.layer ? 1 : -1))
    .map(({ stack, region }) => ({ stack, region, step: 'destroy' }))
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
