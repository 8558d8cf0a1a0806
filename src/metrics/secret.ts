import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { LlmscaleError } from '../kit/errors.js'

/** Where a secret is read: never from the configuration itself, which is committed. */
export type SecretFrom = { env: string } | { file: string }

/**
 * The text of a secret without the line end that editors and `kubectl create secret` leave; file paths are relative
 * to `folder`. Throws `configInvalid` SECRET_MISSING, which names the variable or file and never what it holds.
 */
export function readSecret(from: SecretFrom, folder: string): string {
  const secret = ('env' in from ? process.env[from.env] : readText(resolve(folder, from.file)))?.trimEnd()
  if (secret !== undefined && secret !== '') return secret
  const fault = secret === undefined ? ('env' in from ? 'is not set' : 'cannot be read') : 'is empty'
  throw new LlmscaleError('configInvalid', 'SECRET_MISSING', `${describeSecret(from, folder)} ${fault}`, [
    'env' in from
      ? `Set it where llmscale runs: export ${from.env}=…`
      : 'Write the secret into that file, readable by the user who runs llmscale.',
  ])
}

/** How messages call the place of a secret. */
export function describeSecret(from: SecretFrom, folder: string): string {
  return 'env' in from ? `environment variable ${from.env}` : `secret file ${resolve(folder, from.file)}`
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
