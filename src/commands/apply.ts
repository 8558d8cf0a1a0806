import { isDeepStrictEqual } from 'node:util'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { assertChecks } from '../../stacks/check-inputs.js'
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
} from '../cli/deployment.js'
import { findUndelivered } from '../cli/drift.js'
import { instant } from '../cli/flags.js'
import { warnOfOrphans } from '../cli/orphans.js'
import { checkReview, findLeftovers, renewDeployment, runStacks } from '../cli/run-stacks.js'
import {
  checkFiles,
  formatChanges,
  formatVerdicts,
  isRefused,
  previewTarget,
  StackPreview,
} from '../cli/stack-preview.js'
import { formatTable } from '../cli/table.js'
import type { EngineRun } from '../delivery/engine.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { ReceiptStep } from '../delivery/receipt.js'
import { LlmscaleError, type Warning } from '../kit/errors.js'
import { formatInstant } from '../kit/time.js'
import { findUnreviewed, type ResourceChange } from '../planning/change-set.js'
import {
  assertGuards,
  type Deployed,
  type GuardVerdict,
  isLocalBackend,
  sortVerdicts,
} from '../planning/guards.js'
import { planRollout, type RolloutStep } from '../planning/rollout.js'
import { describeOutcome, tabulateSteps } from '../review/rollout-tables.js'

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  asOf: z.string().describe('The time that the guards took for now.'),
  dryRun: z.boolean(),
  receipt: z.string().nullable().describe('Id of the receipt; null with --dry-run.'),
  stacks: z.array(StackPreview),
  steps: z.array(ReceiptStep),
})

const withoutQuestion = ['Add --yes, or set environments.<env>.approval to git or github in llmscale.yaml.']

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
    const approval = await checkReview(deployment)
    this.checkPlan(deployment, approval)
    const store = await openStateStore(settings, deployment.projectFolder)
    for (const each of await findLeftovers(deployment, store)) this.note(each)
    for (const each of await warnOfOrphans(deployment)) this.note(each)
    const { planId } = inputs.plan
    const result = { planId, environment, asOf: formatInstant(inputs.now) }
    if (flags['dry-run']) {
      const stacks = await this.judge(deployment, approval)
      this.hint('Nothing was deployed.')
      return { ...result, dryRun: true, receipt: null, stacks, steps: [] }
    }

    // An answer may take hours: nobody waits for our locks meanwhile, and what is asked again then counts.
    const shown =
      settings.approval === 'none' && !flags.yes ? await this.judge(deployment, approval) : undefined
    if (shown !== undefined)
      await confirm(`Deploy plan ${planId.slice(0, 12)} to ${environment}?`, withoutQuestion)
    const renew = () => renewDeployment(deployment, { ...flags, env: flags.env })
    let stacks: StackPreview[] = []
    /** Stacks to which a step has brought all that the plan wants: there is nothing left to contract. */
    const complete = new Set<string>()
    const receipt = await runStacks({
      deployment,
      store,
      toolVersion: this.config.version,
      waves: planRollout(
        deployment.stacks.filter((target) => isPulumis(deployment, target)),
        settings.rollout.canary,
      ),
      parallel: settings.rollout.parallel,
      breakLock: flags['break-lock'],
      judge: async () => {
        stacks = await this.judge(await renew(), approval, shown)
        return stacks.flatMap(({ guards }) => guards)
      },
      runStep: async (target, step) => {
        const { stack } = target
        if (complete.has(stack)) return undefined
        this.progress(`${step} ${stack} …`)
        const note = (warning: Warning) => this.note(warning)
        const { run, changes } = await runStep(await renew(), target, step, note)
        if (isDeepStrictEqual(changes, stacks.find((each) => each.stack === stack)?.changes))
          complete.add(stack)
        return run
      },
      report: ({ id, steps }) => {
        const { columns, rows } = tabulateSteps(steps)
        this.log(formatTable(columns, rows))
        this.hint(`Receipt ${id} in ${store.place}.`)
      },
    })
    this.log(`\nPlan ${planId.slice(0, 12)} runs in ${environment}: ${describeOutcome(receipt.steps)}.`)
    return { ...result, dryRun: false, receipt: receipt.id, stacks, steps: receipt.steps }
  }

  /** The guards that need neither engine nor cloud; the first that refuses ends the run, all are printed. */
  private checkPlan(deployment: Deployment, approval: GuardVerdict): void {
    const offline = deployment.stacks.map((target) => {
      const { guards, policies } = checkFiles(deployment, target, true)
      return { stack: target.stack, guards: [...guards, approval], policies }
    })
    const refused = offline.find(isRefused)
    if (refused === undefined) return
    this.log(`${formatVerdicts(offline)}\n`)
    assertChecks(refused)
  }

  /**
   * Every verdict on every stack, with what is about to change; throws the first refusal after printing all.
   * @param shown what was printed already and agreed to: no more than that may change
   */
  private async judge(
    deployment: Deployment,
    approval: GuardVerdict,
    shown?: readonly StackPreview[],
  ): Promise<StackPreview[]> {
    const verdicts: StackPreview[] = []
    for (const region of deployment.regions) {
      this.progress(`Asking ${region} …`)
      const world = await checkRegion(deployment, region)
      for (const target of deployment.stacks.filter((each) => each.region === region)) {
        this.progress(`Previewing ${target.stack} …`)
        verdicts.push(await judgeStack(deployment, target, [approval, ...world]))
      }
    }
    if (shown === undefined || verdicts.some(isRefused)) {
      this.log(`${formatVerdicts(verdicts)}\n`)
      for (const each of verdicts) this.log(`${formatChanges(each)}\n`)
    }
    for (const each of verdicts) assertChecks(each)
    if (shown !== undefined) assertShown(verdicts, shown)
    return verdicts
  }
}

/**
 * One run of the engine; what it finds to do is checked again, as it may have changed since all was judged. What the plan
 * takes away waits for Argo CD or Flux, where they apply: pods may still need it.
 * Gives what the engine did and what it had found to do: a step that expands finds all that was judged, which is the
 * whole plan, unless it leaves something for a later one.
 */
async function runStep(
  deployment: Deployment,
  target: StackTarget,
  step: RolloutStep['step'],
  note: (warning: Warning) => void,
): Promise<{ run: EngineRun | 'pending' | undefined; changes: ResourceChange[] }> {
  const waits = step === 'contract' && deployment.settings.delivery === 'gitops'
  const undelivered = waits ? await findUndelivered(deployment, target.region) : undefined
  let isPending = false
  let changes: ResourceChange[] = []
  let deployed: Deployed | undefined
  const options = await stackOptions(deployment, target, true, {
    expand: step !== 'contract',
    onChecks: (_checks, before) => {
      deployed = before
    },
  })
  const { deployStack } = await import('../delivery/engine.js')
  const { createFinder } = await import('../delivery/pending-creates.js')
  const run = await deployStack(
    options,
    (fresh) => {
      changes = fresh.changes
      const isDeployed = deployed?.planId === deployment.inputs.plan.planId
      if (fresh.changes.length === 0) return !isDeployed
      assertGuards(checkStackChanges(deployment, target, fresh, deployed, true))
      if (undelivered === undefined) return true
      const message = `${target.stack} keeps what the plan takes away, until the next apply: ${undelivered}`
      note({ code: 'CONTRACT_PENDING', message })
      isPending = true
      return false
    },
    createFinder(target.region),
  )
  return { run: isPending ? 'pending' : run, changes }
}

/** A preview with the verdicts of approval, cluster and cloud. */
async function judgeStack(
  deployment: Deployment,
  target: StackTarget,
  others: readonly GuardVerdict[],
): Promise<StackPreview> {
  const preview = await previewTarget(deployment, target, true)
  return { ...preview, guards: sortVerdicts([...preview.guards, ...others]) }
}

/** Somebody else may have deployed while the question stood. Throws `digestMismatch` CHANGES_SINCE_QUESTION. */
function assertShown(stacks: readonly StackPreview[], shown: readonly StackPreview[]): void {
  const added = stacks.flatMap((preview, index) => findUnreviewed(preview, shown[index]!))
  if (added.length === 0) return
  throw new LlmscaleError(
    'digestMismatch',
    'CHANGES_SINCE_QUESTION',
    `more would change than was shown before the question: ${added.join('; ')}`,
    ['Run it again, and look at what changes now.'],
  )
}

function asOfRefused(): LlmscaleError {
  return new LlmscaleError(
    'usage',
    'AS_OF_LOCAL_ONLY',
    '--as-of is for the local backend alone: guards of a shared environment go by the clock.',
  )
}
