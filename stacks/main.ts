import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { getRootDirectory, getStack, RunError, runtime } from '@pulumi/pulumi'
import { parseConfig } from '../src/config/parse-config.js'
import { LlmscaleError } from '../src/kit/errors.js'
import { createProgram } from './program.js'
import { readEnvironmentInputs } from './read-inputs.js'
import { parseStackName } from './stack-name.js'

// What a plain `pulumi preview` or `pulumi up` runs: the plan of the stack's environment in forecasts/.

const outputs = await deploy().catch(explain)

/** The plan that the stack is deployed from, the part of its region: the next deployment compares itself with it. */
export const planId = outputs?.['planId']
export const header = outputs?.['header']
export const decision = outputs?.['decision']

/** Of the layer `capacity`: what it declared. */
export const resources = outputs?.['resources']

async function deploy() {
  const { environment, region, layer } = parseStackName(getStack())
  const root = getRootDirectory()
  const path = join(root, 'llmscale.yaml')
  const config = parseConfig(await readFile(path, 'utf8'), path)
  const backend = await findBackend(config.environments[environment]?.backend)
  const inputs = await readEnvironmentInputs({
    config,
    environment,
    planFolder: join(root, 'forecasts', environment),
    homeFolder: join(root, 'forecasts', environment),
    ...(backend !== undefined && { backend }),
    now: Date.now() / 1000,
  })
  return createProgram({ ...inputs, region, layer, writes: !runtime.isDryRun(), standalone: true })()
}

/** Where `pulumi` is logged in: by its variable, the configuration, or the last `pulumi login`. */
async function findBackend(configured: string | undefined): Promise<string | undefined> {
  if (process.env['PULUMI_BACKEND_URL'] !== undefined) return process.env['PULUMI_BACKEND_URL']
  if (configured !== undefined) return configured
  const home = process.env['PULUMI_HOME'] ?? join(homedir(), '.pulumi')
  const text = await readFile(join(home, 'credentials.json'), 'utf8').catch(() => '{}')
  return (JSON.parse(text) as { current?: string }).current
}

/** A refusal is no crash: its message without a stack trace. */
function explain(error: unknown): never {
  if (error instanceof LlmscaleError) throw new RunError([error.message, ...error.tryThis].join('\n'))
  throw error
}
