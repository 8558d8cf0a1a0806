import type { z } from 'zod'
import { nearestName } from '../kit/names.js'

/** Our wording of zod's issues; messages that the schema gives itself stand over it. */
export function explainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const input = shorten(JSON.stringify(issue.input) ?? '')
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required'
      if (issue.input === null) return `is empty; give ${nounOf(issue.expected)} or leave the key out`
      return `${input} is not ${nounOf(issue.expected)}`
    case 'invalid_value': {
      const allowed = issue.values.map(String)
      if (issue.input === undefined) return `is required: one of ${allowed.join(', ')}`
      const near = nearestName(String(issue.input), allowed)
      return `${input} is not one of ${allowed.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`
    }
    case 'too_small':
      if (issue.origin === 'array') return `needs at least ${issue.minimum}`
      if (issue.origin === 'string') return 'must not be empty'
      return `${input} is too small; ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
    case 'too_big':
      return `${input} is too large; at most ${issue.maximum}`
    case 'invalid_union':
      return issue.input === undefined ? 'is required' : `${input} is not allowed here`
    default:
      return undefined
  }
}

const shorten = (text: string) => (text.length <= 60 ? text : `${text.slice(0, 59)}…`)

function nounOf(type: string): string {
  const nouns: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a block of keys',
    record: 'a block of keys',
  }
  return nouns[type] ?? `a ${type}`
}
