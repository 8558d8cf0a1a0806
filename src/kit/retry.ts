import { setTimeout } from 'node:timers/promises'
import pRetry from 'p-retry'
import type { LlmscaleError } from './errors.js'

const mostTries = 5
/** No try begins later than this after the first. */
const longestRetrySeconds = 300
const firstPauseSeconds = 0.5
/** A server may ask for a longer pause (Retry-After), a scheduled job cannot wait for it. */
const longestPauseSeconds = 60

/** A failure that may pass. `explain` makes the error to throw when it has not, after so many tries. */
export class TemporaryFailure extends Error {
  readonly explain: (tries: number) => LlmscaleError
  readonly retryAfterSeconds: number

  constructor(explain: (tries: number) => LlmscaleError, retryAfterSeconds = 0) {
    super('temporary failure')
    this.explain = explain
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type Wait = (seconds: number, signal: AbortSignal | undefined) => Promise<void>

/**
 * Repeats what fails with a TemporaryFailure: at most five tries, with pauses that double and vary, so that
 * requests that failed together do not come back together. Rejects with the failure's explanation, with any other
 * error at once, or with the signal's reason.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; wait?: Wait | undefined },
): Promise<T> {
  const { signal, wait = sleep } = options
  let tries = 0
  try {
    return await pRetry(
      () => {
        tries++
        return attempt()
      },
      {
        signal,
        retries: mostTries - 1,
        minTimeout: 0,
        maxRetryTime: longestRetrySeconds * 1000,
        shouldRetry: async ({ error }) => {
          if (!(error instanceof TemporaryFailure)) return false
          await wait(pauseSeconds(tries, error.retryAfterSeconds), signal)
          return true
        },
      },
    )
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof TemporaryFailure ? error.explain(tries) : error
  }
}

/** Seconds of a Retry-After header, given as a number or as a date; 0 without one. See RFC 9110, 10.2.3. */
export function parseRetryAfter(text: string | undefined, now: number): number {
  if (text === undefined) return 0
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000
  return seconds > 0 ? seconds : 0
}

function pauseSeconds(tries: number, retryAfterSeconds: number): number {
  const pause = firstPauseSeconds * 2 ** (tries - 1) * (1 + Math.random())
  return Math.min(Math.max(pause, retryAfterSeconds), longestPauseSeconds)
}

async function sleep(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(seconds * 1000, undefined, signal && { signal })
}
