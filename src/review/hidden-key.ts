import { digestText } from '../kit/digest.js'
import { parseInstant } from '../kit/time.js'

/** First line of a pull request's body: what the bot knows its own proposal by. */
export interface HiddenKey {
  environment: string
  planId: string
  /** Origin of the plan: a body of a later one is never overwritten. ISO 8601, UTC. */
  validAt: string
  expiresAt: string
  /** Commit of the base branch that the plan was made on. */
  base: string
}

const digest = '[0-9a-f]{64}'
const instant = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z`
const keyPattern = new RegExp(
  `^<!-- llmscale:v1 env=([a-z0-9]([a-z0-9-]*[a-z0-9])?) plan=(${digest}) valid-at=(${instant}) expires-at=(${instant}) ` +
    `base=([0-9a-f]{40}|${digest}) -->$`,
)

export function formatHiddenKey({ environment, planId, validAt, expiresAt, base }: HiddenKey): string {
  return `<!-- llmscale:v1 env=${environment} plan=${planId} valid-at=${validAt} expires-at=${expiresAt} base=${base} -->`
}

/** Undefined where the first line is not exactly such a key: somebody edited it, or the body is a person's. */
export function parseHiddenKey(body: string): HiddenKey | undefined {
  const found = keyPattern.exec(firstLine(body))
  if (found === null) return undefined
  const [, environment, , planId, validAt, expiresAt, base] = found as unknown as string[]
  if (parseInstant(validAt!) === undefined || parseInstant(expiresAt!) === undefined) return undefined
  return {
    environment: environment!,
    planId: planId!,
    validAt: validAt!,
    expiresAt: expiresAt!,
    base: base!,
  }
}

/** Characters of a commit that a body shows. */
export const shownCommitCharacters = 12

/**
 * SHA-256 of what a body says. The same are bodies that differ in white space, line ends, ticked boxes, in whether an
 * emoji asks for its picture (U+FE0E, U+FE0F), and in the commit of the base: none of these is worth a write.
 */
export function hashBody(body: string): string {
  const base = parseHiddenKey(body)?.base
  const anyBase =
    base === undefined
      ? body
      : body.replaceAll(base, 'base').replaceAll(base.slice(0, shownCommitCharacters), 'base')
  return digestText(
    anyBase
      .normalize('NFC')
      .replace(/[\uFE0E\uFE0F]/gu, '')
      .replace(/^(\s*[-*] )\[[xX]\]/gm, '$1[ ]')
      .replace(/\s+/gu, ' ')
      .trim(),
  )
}

function firstLine(body: string): string {
  return body.split(/\r?\n/, 1)[0]!
}
