import { hostname } from 'node:os'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { describeActor } from '../cli/actor.js'
import { BaseCommand } from '../cli/base-command.js'
import { confirm } from '../cli/confirm.js'
import { type Deployment, isPulumis, openDeployment, stackSettings } from '../cli/deployment.js'
import { formatTable } from '../cli/table.js'
import { acquireLocks } from '../delivery/lock.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { createReceiptId, openReceipt, ReceiptStep } from '../delivery/receipt.js'
import { finishReceipt, runRollout } from '../delivery/rollout.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatInstant } from '../kit/time.js'
import { assertGuards, checkGuards, type GuardVerdict } from '../planning/guards.js'
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
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Destroy)
    const deployment = await openDeployment({
      ...flags,
      env: flags.env,
      plan: undefined,
      'as-of': undefined,
      'allow-delete': [],
      'allow-purchase': [],
    })
    const { environment, settings, inputs } = deployment
    if (flags['allow-delete'] !== environment) throw deletionRefused(environment, flags['allow-delete'])
    const verdicts = checkWrites(deployment)
    assertGuards(verdicts)
    if (!flags.yes) await confirm(`Delete everything that llmscale deployed to ${environment}?`)

    const targets = deployment.stacks
      .filter((target) => isPulumis(deployment, target))
      .sort((a, b) => (a.layer < b.layer ? 1 : -1))
    const startedAt = Math.floor(Date.now() / 1000)
    const id = createReceiptId(startedAt)
    const run = { by: describeActor(), host: hostname(), pid: process.pid }
    const store = await openStateStore(settings, deployment.projectFolder)
    const lock = await acquireLocks(
      store,
      targets.map(({ stack }) => stack),
      { ...run, runId: id, since: formatInstant(startedAt) },
    )
    try {
      const receipt = await openReceipt(store, {
        ...run,
        id,
        environment,
        planId: inputs.plan.planId,
        fileDigest: inputs.plan.header.fileDigest,
        startedAt: formatInstant(startedAt),
        toolVersion: this.config.version,
        verdicts,
        steps: targets.map(({ stack }) => ({ stack, step: 'destroy', ...pending })),
      })
      const { destroyStack } = await import('../delivery/engine.js')
      await finishReceipt(receipt, () =>
        runRollout([[targets.map(({ stack, region }) => ({ stack, region, step: 'destroy' as const }))]], {
          parallel: 1,
          run: async ({ stack }) => {
            lock.signal.throwIfAborted()
            this.progress(`Destroying ${stack} …`)
            const target = targets.find((each) => each.stack === stack)!
            return destroyStack({ ...stackSettings(deployment, target), program: async () => undefined })
          },
          note: ({ stack, step, ...change }) => receipt.updateStep({ stack, step }, change),
        }),
      )
      const { columns, rows } = tabulateSteps(receipt.receipt().steps)
      this.log(formatTable(columns, rows))
      return { environment, receipt: id, steps: receipt.receipt().steps }
    } finally {
      await lock.release()
    }
  }
}

const pending = { state: 'pending', changed: {}, outputDigest: null, error: null } as const

/** Of the guards, those that forbid any write: an old plan or a decrease do not keep an environment alive. */
function checkWrites({ inputs, stacks }: Deployment): GuardVerdict[] {
  const region = stacks[0]!.region
  return checkGuards({ ...inputs, region, writes: true }).filter(({ guard }) =>
    ['kill-switch', 'environment', 'backend', 'hold'].includes(guard),
  )
}

function deletionRefused(environment: string, given: string): LlmscaleError {
  return new LlmscaleError(
    'policy',
    'DELETION_NOT_ALLOWED',
    `--allow-delete ${given}: this would delete environment ${environment}`,
    [`--allow-delete ${environment}, if that is what you want.`],
  )
}
