import { hostname } from 'node:os'
import { checkApproval } from '../delivery/approval.js'
import type { EngineRun } from '../delivery/engine.js'
import { acquireLocks, breakLock } from '../delivery/lock.js'
import {
  createReceiptId,
  findUnfinished,
  openReceipt,
  type Receipt,
  recordCrashes,
} from '../delivery/receipt.js'
import { finishReceipt, runRollout } from '../delivery/rollout.js'
import type { StateStore } from '../delivery/state-store.js'
import type { Warning } from '../kit/errors.js'
import { onInterrupt } from '../kit/interrupt.js'
import { formatInstant } from '../kit/time.js'
import type { GuardVerdict } from '../planning/guards.js'
import type { RolloutStep } from '../planning/rollout.js'
import { describeUnfinished } from '../review/rollout-tables.js'
import { describeActor } from './actor.js'
import {
  type Deployment,
  type DeploymentFlags,
  isPulumis,
  openDeployment,
  type StackTarget,
  stackSettings,
} from './deployment.js'

/** A run that changes stacks. */
export interface StackRun {
  deployment: Deployment
  store: StateStore
  toolVersion: string
  /** As `planRollout` gives them. */
  waves: RolloutStep[][][]
  /** Regions at a time. */
  parallel: number
  /** Run that is known to be dead, whose locks go. */
  breakLock: string | undefined
  /** What allows the run, asked when the stacks are locked. Throws what forbids it. */
  judge(): Promise<GuardVerdict[]>
  /** As `RolloutWork.run`. */
  runStep(target: StackTarget, step: RolloutStep['step']): Promise<EngineRun | 'pending' | undefined>
  /** Is given the receipt at the end, whether it went well or not. */
  report(receipt: Receipt): void
}

/**
 * Locks the stacks, frees them from what a dead run left, judges them as they are then, and runs every step; the
 * receipt tells how far it came. Throws as `acquireLocks` and `breakLock` do, what forbids the run, the first failure
 * of a step, and what the store throws.
 */
export async function runStacks(work: StackRun): Promise<Receipt> {
  const running = runLocked(work)
  // An interrupt stops the engine; what is left to do is to say so in the receipt and to give the locks back.
  const done = onInterrupt(async () => {
    await running.catch(() => undefined)
  })
  try {
    return await running
  } finally {
    done()
  }
}

async function runLocked(work: StackRun): Promise<Receipt> {
  const { deployment, store, waves } = work
  const { environment, inputs } = deployment
  const stacks = stacksOf(deployment)
  const broken = work.breakLock === undefined ? [] : await breakLock(store, stacks, work.breakLock)
  const startedAt = formatInstant(Math.floor(Date.now() / 1000))
  const id = createReceiptId(Date.now() / 1000)
  const run = { by: describeActor(), host: hostname(), pid: process.pid }
  const lock = await acquireLocks(store, stacks, { ...run, runId: id, since: startedAt })
  try {
    const unfinished = await findUnfinished(store, environment, stacks)
    await recordCrashes(store, unfinished)
    if (lock.takenOver.length + broken.length + unfinished.length > 0) await freeStacks(deployment)
    const verdicts = unique(await work.judge())
    lock.signal.throwIfAborted()
    const receipt = await openReceipt(store, {
      ...run,
      id,
      environment,
      planId: inputs.plan.planId,
      fileDigest: inputs.plan.header.fileDigest,
      startedAt,
      toolVersion: work.toolVersion,
      verdicts,
      steps: waves.flat(2).map(({ stack, step }) => ({ stack, step, ...pending })),
    })
    try {
      await finishReceipt(receipt, () =>
        runRollout(waves, {
          parallel: work.parallel,
          run: async ({ stack, step }) => {
            lock.signal.throwIfAborted()
            return work.runStep(deployment.stacks.find((target) => target.stack === stack)!, step)
          },
          note: ({ stack, step, ...change }) => receipt.updateStep({ stack, step }, change),
        }),
      )
    } finally {
      work.report(receipt.receipt())
    }
    return receipt.receipt()
  } finally {
    await lock.release()
  }
}

const pending = { state: 'pending', changed: {}, outputDigest: null, error: null } as const

const stacksOf = (deployment: Deployment) =>
  deployment.stacks.filter((target) => isPulumis(deployment, target)).map(({ stack }) => stack)

/** A dead run may have left the engine's own lock too. */
async function freeStacks(deployment: Deployment): Promise<void> {
  const { cancelStack } = await import('../delivery/engine.js')
  for (const target of deployment.stacks)
    if (isPulumis(deployment, target)) await cancelStack(stackSettings(deployment, target))
}

/** What was said of several stacks alike stands in the receipt once. */
function unique(verdicts: readonly GuardVerdict[]): GuardVerdict[] {
  return [...new Map(verdicts.map((verdict) => [JSON.stringify(verdict), verdict])).values()]
}

/** What runs before this one left undone in its stacks, a warning for each run. Throws what the store throws. */
export async function findLeftovers(deployment: Deployment, store: StateStore): Promise<Warning[]> {
  const unfinished = await findUnfinished(store, deployment.environment, stacksOf(deployment))
  return unfinished.map(({ receipt, left }) => ({
    code: 'RUN_UNFINISHED',
    message: describeUnfinished({ ...receipt, steps: left }),
  }))
}

/** Whether what decides on a deployment was reviewed. */
export async function checkReview(deployment: Deployment): Promise<GuardVerdict> {
  const { settings, projectFolder, reviewedPaths } = deployment
  const { approval, reviewedBranch, backend } = settings
  return checkApproval({ approval, reviewedBranch, projectFolder, paths: reviewedPaths, backend })
}

/**
 * The same deployment with the clock, the kill switch and the holds as they are now: a run may wait for an answer or a
 * step for longer than a plan is valid, and a hold is for what has begun too. Throws as `openDeployment` does.
 */
export async function renewDeployment(deployment: Deployment, flags: DeploymentFlags): Promise<Deployment> {
  const { killSwitch: _before, ...inputs } = deployment.inputs
  const { now, holds, killSwitch } = (await openDeployment(flags)).inputs
  return { ...deployment, inputs: { ...inputs, now, holds, ...(killSwitch !== undefined && { killSwitch }) } }
}
