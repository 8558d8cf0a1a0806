import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** Tier → the binary of it that is built last. */
const lastBinary = { core: 'kwok', karpenter: 'karpenter-kwok', keda: 'keda-cron' }
export type Tier = keyof typeof lastBinary

const printed = (script: string, ...args: string[]) =>
  execFileSync('node', [join(root, 'tools/cluster', script), ...args, '--print'], { encoding: 'utf8' }).trim()

/** The folder with a tier's binaries. */
export const tierFolder = (tier: Tier): string => printed('build.mjs', tier)

/** The folder with `definitions/` of custom resources and `stages/` of kwok. */
export const definitionsFolder = (): string => printed('definitions.mjs')

/**
 * Undefined where a suite can run, else what to put into its name, so that a skip says how to run it.
 * Throws where LLMSCALE_REQUIRE_CLUSTER is set and a binary is missing.
 */
export function missingNote(...tiers: Tier[]): string | undefined {
  const missing = tiers.find((tier) => !existsSync(join(tierFolder(tier), lastBinary[tier])))
  if (missing === undefined && existsSync(definitionsFolder())) return undefined
  const make = `npm run cluster -- ${missing ?? 'core'}`
  if (process.env['LLMSCALE_REQUIRE_CLUSTER'] === '1')
    throw new Error(`LLMSCALE_REQUIRE_CLUSTER is set and there is no control plane for tests: ${make}`)
  return ` (not run: no control plane for tests; ${make})`
}
