import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical.js'

/** SHA-256 in hex of a text. */
export function digestText(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** SHA-256 in hex of a plain value, independent of the order of its keys. */
export function digestValue(value: unknown): string {
  return digestText(canonicalJson(value))
}
