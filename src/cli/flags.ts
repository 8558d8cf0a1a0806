import { Flags } from '@oclif/core'
import { LlmscaleError } from '../kit/errors.js'
import { parseDateOrInstant, parseDuration } from '../kit/time.js'

/** A flag whose value is a time with a zone, read as epoch seconds. */
export const instant = Flags.custom<number>({
  helpValue: 'TIME',
  parse: (text, _context, { name }) =>
    parsed(name, text, parseDateOrInstant(text), 'a time, as a date or with a zone', [
      '2026-12-01',
      '2026-12-01T08:00:00Z',
    ]),
})

/** A flag whose value is a duration, read as seconds. */
export const duration = Flags.custom<number>({
  helpValue: '10m',
  parse: (text, _context, { name }) => parsed(name, text, parseDuration(text), 'a duration', ['10m', '7d']),
})

async function parsed(
  name: string,
  text: string,
  value: number | undefined,
  allowed: string,
  examples: readonly string[],
): Promise<number> {
  if (value !== undefined) return value
  throw new LlmscaleError('usage', 'FLAG_INVALID', `--${name}: ${JSON.stringify(text)} is not ${allowed}`, [
    examples.map((example) => `--${name} ${example}`).join(', or '),
  ])
}
