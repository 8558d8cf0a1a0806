/** What a failed command tells the shell. Published in README.md; never renumber. */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  configInvalid: 3,
  planStale: 4,
  policy: 5,
  badData: 6,
  upstreamUnavailable: 7,
  approvalMissing: 8,
  hold: 9,
  changesPresent: 10,
  infeasible: 11,
  digestMismatch: 12,
  engineFailed: 13,
  outputNotWritable: 14,
  interrupted: 130,
} as const

export type ExitReason = keyof typeof exitCodes

/**
 * An expected failure: the user can act on it. Anything else that is thrown is a bug.
 * `message` names the file, line, field, value and what is allowed, as far as they are known.
 */
export class LlmscaleError extends Error {
  readonly code: string
  readonly reason: ExitReason
  readonly tryThis: string[]

  constructor(reason: ExitReason, code: string, message: string, tryThis: string[] = []) {
    super(message)
    this.name = 'LlmscaleError'
    this.reason = reason
    this.code = code
    this.tryThis = tryThis
  }

  get exitCode(): number {
    return exitCodes[this.reason]
  }
}

/** Something a user should know although the command goes on. */
export interface Warning {
  code: string
  message: string
}
