import { distance } from 'fastest-levenshtein'
import { digestText } from './digest.js'

/**
 * A DNS label (RFC 1123) for any model or tenant name: at most 50 characters that can be read, then 6 hex
 * digits of the name's digest, so that two names that look alike never share a path, an URN or an object.
 */
export function dnsName(name: string): string {
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .replace(/-+$/, '')
  const digits = digestText(name).slice(0, 6)
  return readable === '' ? `x-${digits}` : `${readable}-${digits}`
}

/** The candidate nearest to a mistyped word, if one is near enough to suggest. */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase())
    if (edits < bestDistance) {
      best = candidate
      bestDistance = edits
    }
  }
  return best
}
