import { parse } from 'yaml'
import { z } from 'zod'
import { LlmscaleError } from '../kit/errors.js'

/** A file of `forecasts/<env>/holds/`: a person says that nothing is applied until a time, or at all. */
export const Hold = z.strictObject({
  reason: z.string().min(1),
  by: z.string().min(1),
  until: z.iso
    .datetime()
    .optional()
    .describe('When the hold ends by itself; without it, when the file is removed.'),
  except: z
    .string()
    .optional()
    .describe('Id of the one plan that may be applied all the same: what a rollback went back to.'),
})
export type Hold = z.infer<typeof Hold>

/** A hold that cannot be read is still a hold. Throws `hold`, HOLD_UNREADABLE; `path` is only named in it. */
export function parseHold(text: string, path: string): Hold {
  const result = Hold.safeParse(parseOrText(text))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new LlmscaleError('hold', 'HOLD_UNREADABLE', `${path} ${issue.path.join('.')}: ${issue.message}`, [
    'A hold is {reason, by, until, except}; until and except may be left out.',
  ])
}

function parseOrText(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return text
  }
}
