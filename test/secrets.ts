import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findSecretValues } from '../src/kit/secret-forms.js'

/**
 * What tests give to the program as secrets. Runs of the program are refused that print one, so are requests to the
 * stand-ins for GitHub that hold one, and so is a run of the suite that leaves one in a file, a commit or a bucket.
 */
export const testSecrets = {
  GITHUB_TOKEN: 'ghs_hunter2hunter2hunter2',
  PULUMI_CONFIG_PASSPHRASE: 'correct-horse-battery-staple',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI-stand-in-key',
  AWS_SESSION_TOKEN: 'FwoGZXIvYXdzE-stand-in-session',
  LLMSCALE_TENANT_KEY: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  PROMETHEUS_TOKEN: 'glsa_prometheus-of-the-stand-in',
}

/** As git sends a token over https. */
const basic = Buffer.from(`x-access-token:${testSecrets.GITHUB_TOKEN}`).toString('base64')
const forms = [...Object.entries(testSecrets), ['GITHUB_TOKEN in base64', basic] as const]

/**
 * Throws where a text holds a secret of the tests, or one of the environment that wrote it; the message names it, and
 * does not repeat it.
 */
export function refuseSecrets(
  text: string | Buffer,
  where: string,
  environment: NodeJS.ProcessEnv = {},
): void {
  const named = forms.find(([, secret]) => text.includes(secret))
  if (named !== undefined) throw new Error(`${where} holds the secret ${named[0]}`)
  if (findSecretValues(environment).some((secret) => text.includes(secret)))
    throw new Error(`${where} holds a secret of its environment`)
}

/** Looks through every file below a folder, and all that git repositories there have ever kept. */
export function refuseSecretsBelow(folder: string): void {
  const entries = readdirSync(folder, { withFileTypes: true })
  const names = entries.map(({ name }) => name)
  const isRepository = names.includes('HEAD') && names.includes('objects')
  if (isRepository) refuseSecrets(readObjects(folder), `a git object in ${folder}`)
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isFile()) refuseSecrets(readFileSync(path), path)
    else if (entry.isDirectory() && !(isRepository && entry.name === 'objects')) refuseSecretsBelow(path)
  }
}

function readObjects(repository: string): Buffer {
  const args = ['--git-dir', repository, 'cat-file', '--batch-all-objects', '--batch', '--buffer']
  return execFileSync('git', args, { maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'ignore'] })
}
