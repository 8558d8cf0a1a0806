import pLimit from 'p-limit'
import { LlmscaleError } from '../kit/errors.js'
import type { RolloutStep } from '../planning/rollout.js'
import type { EngineRun } from './engine.js'
import type { OpenReceipt, ReceiptStep } from './receipt.js'

/** What a rollout does with a step, and who hears of it. */
export interface RolloutWork {
  /** Regions at a time. */
  parallel: number
  /** Undefined where there was nothing to do; `pending` where the next apply has to do it. */
  run(step: RolloutStep): Promise<EngineRun | 'pending' | undefined>
  /** Is told each step before and after it ran. */
  note(step: ReceiptStep): Promise<void>
}

/** Runs the work of a receipt, and notes in it how it ended. */
export async function finishReceipt(receipt: OpenReceipt, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const isInterrupted = error instanceof LlmscaleError && error.reason === 'interrupted'
    await receipt.finish(isInterrupted ? 'interrupted' : 'failed', Date.now() / 1000)
    throw error
  }
  await receipt.finish('done', Date.now() / 1000)
}

/**
 * Runs the steps of an apply. A step that fails ends its region; regions of the same wave that have begun go on to
 * their end, and nothing more begins. Throws the first failure when all have ended.
 */
export async function runRollout(waves: readonly RolloutStep[][][], work: RolloutWork): Promise<void> {
  const limit = pLimit(work.parallel)
  const failures: unknown[] = []
  for (const wave of waves) {
    await Promise.all(
      wave.map((steps) =>
        limit(async () => {
          if (failures.length > 0) return
          try {
            for (const step of steps) await runStep(step, work)
          } catch (error) {
            failures.push(error)
          }
        }),
      ),
    )
    if (failures.length > 0) throw failures[0]
  }
}

async function runStep(step: RolloutStep, { run, note }: RolloutWork): Promise<void> {
  const begun: ReceiptStep = {
    stack: step.stack,
    step: step.step,
    state: 'running',
    changed: {},
    outputDigest: null,
    error: null,
  }
  await note(begun)
  try {
    const done = await run(step)
    if (done === 'pending') return await note({ ...begun, state: 'pending' })
    const { changed = {}, outputDigest = null } = done ?? {}
    await note({ ...begun, state: 'done', changed, outputDigest })
  } catch (error) {
    await note({ ...begun, state: 'failed', error: error instanceof Error ? error.message : String(error) })
    throw error
  }
}
