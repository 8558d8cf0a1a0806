import { hostname } from 'node:os'

import { Flags } from '@oclif/core'
import { z } from 'zod'
import { assertChecks } from '../../stacks/check-inputs.js'
import { describeActor } from '../cli/actor.js'
import { BaseCommand } from '../cli/base-command.js'
import { confirm } from '../cli/confirm.js'
import {
  checkRegion,
  checkStackChanges,
  type Deployment,
  isPulumis,
  openDeployment,
  type StackTarget,
  stackOptions,
  stackSettings,
} from '../cli/deployment.js'
import { instant } from '../cli/flags.js'
import {
  checkFiles,
  formatChanges,
  formatVerdicts,
  isRefused,
  previewTarget,
  StackPreview,
} from '../cli/stack-preview.js'
import { formatTable } from '../cli/table.js'
import { checkApproval } from '../delivery/approval.js'
import type { EngineRun } from '../delivery/engine.js'
import { acquireLocks, breakLock } from '../delivery/lock.js'
import { openStateStore } from '../delivery/open-state-store.js'
import {
  createReceiptId,
  findUnfinished,
  openReceipt,
  ReceiptStep,
  recordCrashes,
} from '../delivery/receipt.js'
import { finishReceipt, runRollout } from '../delivery/rollout.js'
import type { StateStore } from '../delivery/state-store.js'
import { LlmscaleError } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'
import { formatInstant } from '../kit/time.js'
import {
  assertGuards,
  type Deployed,
  type GuardVerdict,
  isLocalBackend,
  sortVerdicts,
} from '../planning/guards.js'
import { planRollout, type RolloutStep } from '../planning/rollout.js'
import { describeUnfinished, tabulateSteps } from '../review/rollout-tables.js'

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  asOf: z.string().describe('The time that the guards took for now.'),
  dryRun: z.boolean(),
  receipt: z.string().nullable().describe('Id of the receipt; null with --dry-run.'),
  stacks: z.array(StackPreview),
  steps: z.array(ReceiptStep),
})

export default class Apply extends BaseCommand {
  static override description =
    'Deploy the reviewed plan: expand capacity, change serving, contract capacity.'
  static override examples = [
    '<%= config.bin %> apply --dry-run',
    '<%= config.bin %> apply --yes',
    '<%= config.bin %> apply --env production --region us-east-1',
  ]
  static override flags = {
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    region: Flags.string({ description: 'Only this region.' }),
    'as-of': instant({
      description: 'Check as if it were this time; default now. Only with the local backend.',
    }),
    'dry-run': Flags.boolean({ description: 'Print every verdict and change, and deploy nothing.' }),
    yes: Flags.boolean({ description: 'Do not ask, where the environment needs no approval.' }),
    adopt: Flags.boolean({ description: 'Take over floors and fields that others set.' }),
    'allow-delete': Flags.string({
      description: 'Resource, workload or pool that may be deleted or replaced.',
      multiple: true,
      default: [],
    }),
    'allow-purchase': Flags.string({
      description: 'Reservation that may be bought.',
      multiple: true,
      default: [],
    }),
    'break-lock': Flags.string({
      description: 'Take the lock of this run, which is known to be dead.',
      helpValue: 'RUN',
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Apply)
    const deployment = await openDeployment({ ...flags, env: flags.env })
    const { inputs, settings, environment } = deployment
    if (flags['as-of'] !== undefined && !isLocalBackend(settings.backend)) throw asOfRefused()

    for (const each of deployment.findings) this.note(each)
    const approval = await this.checkPlan(deployment)
    const store = await openStateStore(settings, deployment.projectFolder)
    await this.reportUnfinished(store, environment)
    const result = { planId: inputs.plan.planId, environment, asOf: formatInstant(inputs.now) }
    if (flags['dry-run']) {
      const stacks = await this.judge(deployment, approval)
      this.hint('Nothing was deployed.')
      return { ...result, dryRun: true, receipt: null, stacks, steps: [] }
    }

    const deploying = this.deploy(deployment, store, approval, flags)
    // An interrupt stops the engine; what is left to do is to say so in the receipt and to give the locks back.
    const done = onInterrupt(async () => {
      await deploying.catch(() => undefined)
    })
    try {
      return { ...result, dryRun: false, ...(await deploying) }
    } finally {
      done()
    }
  }

  /** The guards that need neither engine nor cloud; the first that refuses ends the run, all are printed. */
  private async checkPlan(deployment: Deployment): Promise<GuardVerdict> {
    const { settings, projectFolder, stacks } = deployment
    const approval = await checkApproval({
      approval: settings.approval,
      reviewedBranch: settings.reviewedBranch,
      projectFolder,
      paths: deployment.reviewedPaths,
      backend: settings.backend,
    })
    const offline = stacks.map((target) => {
      const { guards, policies } = checkFiles(deployment, target, true)
      return { stack: target.stack, guards: [...guards, approval], policies }
    })
    const refused = offline.find(isRefused)
    if (refused !== undefined) {
      this.log(`${formatVerdicts(offline)}\n`)
      assertChecks(refused)
    }
    return approval
  }

  /** Every verdict on every stack, with what is about to change; throws the first refusal after printing all. */
  private async judge(deployment: Deployment, approval: GuardVerdict): Promise<StackPreview[]> {
    const verdicts: StackPreview[] = []
    for (const region of deployment.regions) {
      this.progress(`Asking ${region} …`)
      const world = await checkRegion(deployment, region)
      for (const target of deployment.stacks.filter((each) => each.region === region)) {
        this.progress(`Previewing ${target.stack} …`)
        verdicts.push(await judgeStack(deployment, target, [approval, ...world]))
      }
    }
    this.log(`${formatVerdicts(verdicts)}\n`)
    for (const each of verdicts) this.log(`${formatChanges(each)}\n`)
    for (const each of verdicts) assertChecks(each)
    return verdicts
  }

  /** Locks the stacks, judges them as they are now, and runs every step; the receipt tells how far it came. */
  private async deploy(
    deployment: Deployment,
    store: StateStore,
    approval: GuardVerdict,
    flags: { yes: boolean; 'break-lock': string | undefined },
  ): Promise<Pick<z.infer<typeof Result>, 'receipt' | 'stacks' | 'steps'>> {
    const { inputs, environment, settings } = deployment
    const targets = deployment.stacks.filter((target) => isPulumis(deployment, target))
    const names = targets.map(({ stack }) => stack)
    const broken = flags['break-lock'] === undefined ? [] : await breakLock(store, names, flags['break-lock'])
    const startedAt = Math.floor(Date.now() / 1000)
    const run = {
      by: describeActor(),
      host: hostname(),
      pid: process.pid,
    }
    const id = createReceiptId(startedAt)
    const lock = await acquireLocks(store, names, { ...run, runId: id, since: formatInstant(startedAt) })
    try {
      if (lock.takenOver.length > 0 || broken.length > 0) await freeStacks(deployment)
      const unfinished = await findUnfinished(store, environment)
      await recordCrashes(store, unfinished)
      const stacks = await this.judge(deployment, approval)
      const { planId, header } = inputs.plan
      if (settings.approval === 'none' && !flags.yes)
        await confirm(`Deploy plan ${planId.slice(0, 12)} to ${environment}?`)
      const waves = planRollout(targets, settings.rollout.canary)
      lock.signal.throwIfAborted()
      const receipt = await openReceipt(store, {
        ...run,
        id,
        environment,
        planId,
        fileDigest: header.fileDigest,
        startedAt: formatInstant(startedAt),
        toolVersion: this.config.version,
        verdicts: uniqueVerdicts(stacks),
        steps: waves.flat(2).map(({ stack, step }) => ({ stack, step, ...pending })),
      })
      try {
        await finishReceipt(receipt, () =>
          runRollout(waves, {
            parallel: settings.rollout.parallel,
            run: async (step) => {
              lock.signal.throwIfAborted()
              return this.runStep(deployment, step)
            },
            note: ({ stack, step, ...change }) => receipt.updateStep({ stack, step }, change),
          }),
        )
      } finally {
        const { columns, rows } = tabulateSteps(receipt.receipt().steps)
        this.log(formatTable(columns, rows))
        this.hint(`Receipt ${id} in ${store.place}.`)
      }
      return { receipt: id, stacks, steps: receipt.receipt().steps }
    } finally {
      await lock.release()
    }
  }

  /** One run of the engine; what it finds to do is checked again, as it may have changed since all was judged. */
  private async runStep(deployment: Deployment, step: RolloutStep): Promise<EngineRun | undefined> {
    const target = deployment.stacks.find(({ stack }) => stack === step.stack)!
    this.progress(`${step.step} ${step.stack} …`)
    let deployed: Deployed | undefined
    const options = await stackOptions(deployment, target, true, {
      expand: step.step !== 'contract',
      onChecks: (_checks, before) => {
        deployed = before
      },
    })
    const { deployStack } = await import('../delivery/engine.js')
    const { createFinder } = await import('../delivery/pending-creates.js')
    return deployStack(
      options,
      (fresh) => {
        const isDeployed = deployed?.planId === deployment.inputs.plan.planId
        if (fresh.changes.length === 0) return !isDeployed
        assertGuards(checkStackChanges(deployment, target, fresh, deployed?.planId ?? null))
        return true
      },
      createFinder(target.region),
    )
  }

  /** A run that did not end may have left anything half done: this one finishes it, and says so. */
  private async reportUnfinished(store: StateStore, environment: string): Promise<void> {
    for (const receipt of await findUnfinished(store, environment))
      this.note({ code: 'RUN_UNFINISHED', message: describeUnfinished(receipt) })
  }
}

const pending = { state: 'pending', changed: {}, outputDigest: null, error: null } as const

/** A dead run may have left the engine's own lock too. */
async function freeStacks(deployment: Deployment): Promise<void> {
  const { cancelStack } = await import('../delivery/engine.js')
  for (const target of deployment.stacks)
    if (isPulumis(deployment, target)) await cancelStack(stackSettings(deployment, target))
}

/** A preview with the verdicts of approval, cluster and cloud, and on what changes. */
async function judgeStack(
  deployment: Deployment,
  target: StackTarget,
  others: readonly GuardVerdict[],
): Promise<StackPreview> {
  const preview = await previewTarget(deployment, target, true)
  const changes = checkStackChanges(deployment, target, preview, preview.deployedPlanId)
  return { ...preview, guards: sortVerdicts([...preview.guards, ...others, ...changes]) }
}

/** What was said of several stacks alike stands in the receipt once. */
function uniqueVerdicts(stacks: readonly StackPreview[]): GuardVerdict[] {
  const verdicts = stacks.flatMap(({ guards }) => guards)
  return [...new Map(verdicts.map((verdict) => [JSON.stringify(verdict), verdict])).values()]
}

function asOfRefused(): LlmscaleError {
  return new LlmscaleError(
    'usage',
    'AS_OF_LOCAL_ONLY',
    '--as-of is for the local backend alone: guards of a shared environment go by the clock.',
  )
}
