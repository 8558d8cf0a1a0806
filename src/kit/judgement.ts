import { type ExitReason, LlmscaleError } from './errors.js'

export const judgementStatuses = ['ok', 'warning', 'failed', 'not checked'] as const

/** What was seen where something was looked at, and what to do about it. */
export interface Judgement {
  status: (typeof judgementStatuses)[number]
  detail: string
  tryThis: string[]
  /** Why it failed; its exit code is the command's. */
  reason?: ExitReason
}

export function ok(detail: string): Judgement {
  return { status: 'ok', detail, tryThis: [] }
}

export function warning(detail: string, ...tryThis: string[]): Judgement {
  return { status: 'warning', detail, tryThis }
}

export function notChecked(detail: string): Judgement {
  return { status: 'not checked', detail, tryThis: [] }
}

/** A bug is no judgement: it is thrown again. */
export function failed(error: unknown): Judgement {
  if (!(error instanceof LlmscaleError)) throw error
  const { message, tryThis, reason } = error
  return { status: 'failed', detail: message, tryThis, reason }
}
