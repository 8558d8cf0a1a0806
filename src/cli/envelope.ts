import { z } from 'zod'
import { exitCodes } from '../kit/errors.js'

// What every command prints under --json. `result` has a schema of its own by command.

const Status = z.literal(Object.values(exitCodes)).describe('The exit code.')
const warnings = z.array(z.strictObject({ code: z.string(), message: z.string() }))

export const SuccessEnvelope = z.strictObject({
  status: Status,
  result: z.record(z.string(), z.unknown()),
  warnings,
})

export const FailureEnvelope = z.strictObject({
  status: Status,
  error: z.strictObject({
    code: z.string().describe('Stable: scripts may rely on it.'),
    message: z.string(),
    tryThis: z.array(z.string()).describe('What the user may do next.'),
  }),
  warnings,
})

export const Envelope = z.union([SuccessEnvelope, FailureEnvelope])
