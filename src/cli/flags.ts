import { Flags } from '@oclif/core'
import type { Shard } from '../forecast/shard.js'
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

/** A flag that names one of several parts, counted from 0. */
export const shard = Flags.custom<Shard>({
  helpValue: 'INDEX/COUNT',
  parse: (text, _context, { name }) =>
    parsed(name, text, parseShard(text), 'a part of COUNT, counted from 0', ['0/4', '3/4']),
})

function parseShard(text: string): Shard | undefined {
  const [, index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? []
  return index !== undefined && of !== undefined && index < of ? { index, of } : undefined
}

async function parsed<T>(
  name: string,
  text: string,
  value: T | undefined,
  allowed: string,
  examples: readonly string[],
): Promise<T> {
  if (value !== undefined) return value
  throw new LlmscaleError('usage', 'FLAG_INVALID', `--${name}: ${JSON.stringify(text)} is not ${allowed}`, [
    examples.map((example) => `--${name} ${example}`).join(', or '),
  ])
}
