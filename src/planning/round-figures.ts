import { roundTo } from '../kit/canonical.js'

/** A plain value with every fraction rounded to four significant digits; whole numbers stay as they are. */
export function roundFigures<T>(value: T): T {
  if (typeof value === 'number') return (Number.isInteger(value) ? value : roundTo(value, 4)) as T
  if (Array.isArray(value)) return value.map(roundFigures) as T
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, roundFigures(member)])) as T
  }
  return value
}
