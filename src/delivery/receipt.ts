import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'
import { findSecretValues, maskText } from '../kit/secret-forms.js'
import { formatInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { GuardVerdict } from '../planning/guards.js'
import { holdsLock } from './lock.js'
import type { StateStore } from './state-store.js'

/** One run of the engine within an apply. */
export const ReceiptStep = z.strictObject({
  stack: z.string(),
  /** `expand` and `contract` are of the layer `capacity`: more before serving changes, less after it. */
  step: z.enum(['expand', 'serving', 'contract', 'destroy']),
  state: z.enum(['pending', 'running', 'done', 'failed']),
  /** Resources that changed, by operation. */
  changed: z.record(z.string(), z.int()),
  /** SHA-256 of the engine's output, without colours; null before the end. */
  outputDigest: z.string().nullable(),
  error: z.string().nullable(),
})
export type ReceiptStep = z.infer<typeof ReceiptStep>

/** What one apply did: who, what, when, what allowed it, and how far it came. */
export const Receipt = z.strictObject({
  apiVersion: z.literal('llmscale/v1alpha1'),
  kind: z.literal('Receipt'),
  /** Sorts by time: `20261121T080000Z-<6 hex>`. */
  id: z.string(),
  environment: z.string(),
  planId: z.string(),
  fileDigest: z.string(),
  /** Person or workflow run. */
  by: z.string(),
  host: z.string(),
  pid: z.int(),
  startedAt: z.iso.datetime(),
  /** Null while it runs, and for ever after a crash. */
  finishedAt: z.iso.datetime().nullable(),
  state: z.enum(['running', 'done', 'failed', 'interrupted', 'crashed']),
  toolVersion: z.string(),
  verdicts: z.array(GuardVerdict),
  steps: z.array(ReceiptStep),
})
export type Receipt = z.infer<typeof Receipt>

/** What is known before anything is done. */
export type NewReceipt = Omit<Receipt, 'apiVersion' | 'kind' | 'state' | 'finishedAt'>

export interface OpenReceipt {
  /** As it is now. */
  receipt(): Receipt
  /**
   * Notes how far a step came. A store that `writesSparingly` gets failures alone until the end.
   * Throws what the store throws; what could not be written is in the next write.
   */
  updateStep(
    at: Pick<ReceiptStep, 'stack' | 'step'>,
    change: Partial<Omit<ReceiptStep, 'stack' | 'step'>>,
  ): Promise<void>
  finish(state: 'done' | 'failed' | 'interrupted', now: EpochSeconds): Promise<void>
}

/** A new id, which sorts by time. It names the run in its locks too. */
export function createReceiptId(now: EpochSeconds): string {
  const time = formatInstant(Math.floor(now)).replace(/[-:]/g, '')
  return `${time}-${randomBytes(3).toString('hex')}`
}

/**
 * Writes a receipt that says `running`, before anything is done, so that a crash leaves one. Secrets of the
 * environment's variables, credentials of URLs and what looks like a token are masked in all that is written.
 * Throws what the store throws.
 */
export async function openReceipt(store: StateStore, start: NewReceipt): Promise<OpenReceipt> {
  let current: Receipt = {
    apiVersion: 'llmscale/v1alpha1',
    kind: 'Receipt',
    ...start,
    finishedAt: null,
    state: 'running',
  }
  let written = Promise.resolve()
  // One after the other, each with what is known by then: regions report at the same time.
  const save = () => {
    written = written.catch(() => undefined).then(() => writeReceipt(store, current))
    return written
  }
  await save()
  return {
    receipt: () => current,
    updateStep: async (at, change) => {
      const steps = current.steps.map((each) =>
        each.stack === at.stack && each.step === at.step ? { ...each, ...change } : each,
      )
      current = { ...current, steps }
      if (!store.writesSparingly || change.state === 'failed') await save()
    },
    finish: async (state, now) => {
      current = { ...current, state, finishedAt: formatInstant(Math.floor(now)) }
      await save()
    },
  }
}

/** A run that did not come to its end, and the steps that no later run has done. */
export interface UnfinishedRun {
  receipt: Receipt
  left: ReceiptStep[]
}

/**
 * What the next run of these stacks has to finish, oldest first: runs that failed, were interrupted or crashed, and
 * after which no run has done all its steps of the same stack. One that says `running` counts as crashed, and is given
 * so, when no living process holds its locks. Throws `badData` RECEIPT_UNREADABLE and what the store throws.
 */
export async function findUnfinished(
  store: StateStore,
  environment: string,
  stacks: readonly string[],
): Promise<UnfinishedRun[]> {
  const unfinished: UnfinishedRun[] = []
  const open = new Set(stacks)
  for (const path of (await store.list(`receipts/${environment}`)).reverse()) {
    if (open.size === 0) break
    const written = await readReceipt(store, path)
    const steps = written?.steps.filter(({ stack }) => open.has(stack)) ?? []
    if (written === undefined || steps.length === 0) continue
    const receipt = await withCrash(store, written)
    const left = steps.filter(({ state }) => state !== 'done')
    const isOver = receipt.state !== 'done' && receipt.state !== 'running'
    if (isOver && (left.length > 0 || receipt.state === 'crashed')) unfinished.unshift({ receipt, left })
    const undone = new Set(left.map(({ stack }) => stack))
    for (const { stack } of steps) if (!undone.has(stack)) open.delete(stack)
  }
  return unfinished
}

/** Notes in the store that runs crashed, as `findUnfinished` gives them. Throws what the store throws. */
export async function recordCrashes(store: StateStore, runs: readonly UnfinishedRun[]): Promise<void> {
  for (const { receipt } of runs) if (receipt.state === 'crashed') await writeReceipt(store, receipt)
}

/** The newest receipt of an environment, in whatever state. Throws RECEIPT_UNREADABLE and what the store throws. */
export async function latestReceipt(store: StateStore, environment: string): Promise<Receipt | undefined> {
  const path = (await store.list(`receipts/${environment}`)).at(-1)
  return path === undefined ? undefined : readReceipt(store, path)
}

async function withCrash(store: StateStore, receipt: Receipt): Promise<Receipt> {
  const hasCrashed = receipt.state === 'running' && !(await isRunning(store, receipt))
  return hasCrashed ? { ...receipt, state: 'crashed' } : receipt
}

async function isRunning(store: StateStore, { id, steps }: Receipt): Promise<boolean> {
  for (const stack of new Set(steps.map((each) => each.stack)))
    if (await holdsLock(store, stack, id)) return true
  return false
}

async function readReceipt(store: StateStore, path: string): Promise<Receipt | undefined> {
  const text = await store.read(path)
  if (text === undefined) return undefined
  try {
    return Receipt.parse(JSON.parse(text))
  } catch {
    throw new LlmscaleError(
      'badData',
      'RECEIPT_UNREADABLE',
      `${path} in ${store.place} is no receipt that this version of llmscale can read`,
      ['Use the version of llmscale that wrote it, or move it away.'],
    )
  }
}

function writeReceipt(store: StateStore, receipt: Receipt): Promise<void> {
  const secrets = findSecretValues(process.env)
  const text = JSON.stringify(
    receipt,
    (_key, value: unknown) => (typeof value === 'string' ? maskText(value, secrets) : value),
    2,
  )
  return store.write(`receipts/${receipt.environment}/${receipt.id}.json`, `${text}\n`)
}
