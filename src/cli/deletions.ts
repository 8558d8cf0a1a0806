import { LlmscaleError } from '../kit/errors.js'

/**
 * Nothing disappears by accident: each deletion is named by a person when the plan is written. Throws `policy`
 * DELETION_NOT_ALLOWED.
 * @param what what deletes them, for the message
 */
export function requireAllowed(
  what: string,
  deletions: readonly string[],
  allowDelete: readonly string[],
): void {
  const refused = deletions.filter((name) => !allowDelete.includes(name))
  if (refused.length === 0) return
  throw new LlmscaleError(
    'policy',
    'DELETION_NOT_ALLOWED',
    `${what} deletes ${refused.join(', ')}; each deletion needs its own permission`,
    [`Add ${refused.map((name) => `--allow-delete ${name}`).join(' ')}`],
  )
}
