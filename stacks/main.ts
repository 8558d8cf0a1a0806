import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getRootDirectory, getStack, RunError } from '@pulumi/pulumi'
import { parseConfig } from '../src/config/parse-config.js'
import { LlmscaleError } from '../src/kit/errors.js'
import { createProgram } from './program.js'
import { readProgramInputs } from './read-inputs.js'
import { parseStackName } from './stack-name.js'

// What a plain `pulumi preview` or `pulumi up` runs: the plan of the stack's environment in forecasts/.

const outputs = await deploy().catch(explain)

/** The plan that the stack was deployed from. */
export const planId = outputs?.['planId']

/** What it gives the region: the next deployment measures its decrease against it. */
export const capacity = outputs?.['capacity']

async function deploy() {
  const { environment, region } = parseStackName(getStack())
  const root = getRootDirectory()
  const path = join(root, 'llmscale.yaml')
  const inputs = await readProgramInputs({
    config: parseConfig(await readFile(path, 'utf8'), path),
    environment,
    region,
    planFolder: join(root, 'forecasts', environment),
    now: Date.now() / 1000,
  })
  return createProgram(inputs)()
}

/** A refusal is no crash: its message without a stack trace. */
function explain(error: unknown): never {
  if (error instanceof LlmscaleError) throw new RunError([error.message, ...error.tryThis].join('\n'))
  throw error
}
