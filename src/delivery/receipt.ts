import { z } from 'zod'
import { GuardVerdict } from '../planning/guards.js'

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
