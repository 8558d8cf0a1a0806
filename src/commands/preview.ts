import { relative, resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { assertChecks, checkInputs } from '../../stacks/check-inputs.js'
import { readProgramInputs } from '../../stacks/read-inputs.js'
import { formatStackName } from '../../stacks/stack-name.js'
import { BaseCommand } from '../cli/base-command.js'
import { instant } from '../cli/flags.js'
import { besideConfig, environmentOf, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import { planFolder, readPlan } from '../delivery/plan-folder.js'
import { type ExitReason, exitCodes, LlmscaleError } from '../kit/errors.js'
import { formatInstant } from '../kit/time.js'
import type { ChangeSet } from '../manifests/change-set.js'
import { planRegions } from '../manifests/manifests.js'
import { guardNames } from '../planning/guards.js'
import { describeChanges, tabulateChanges, tabulateVerdicts } from '../review/preview-tables.js'

const state = z.enum(['passed', 'refused', 'not-checked'])

const StackPreview = z.strictObject({
  stack: z.string(),
  region: z.string(),
  guards: z.array(
    z.strictObject({
      guard: z.enum(guardNames),
      state,
      message: z.string(),
      reason: z.enum(Object.keys(exitCodes) as ExitReason[]).describe('Kind of failure where it refuses.'),
      code: z.string(),
    }),
  ),
  policies: z.array(
    z.strictObject({
      policy: z.string(),
      state,
      violations: z.array(z.strictObject({ policy: z.string(), subject: z.string(), message: z.string() })),
    }),
  ),
  engineVersion: z.string(),
  providerVersions: z.record(z.string(), z.string()),
  changes: z.array(
    z.strictObject({
      urn: z.string(),
      op: z.string().describe('create, update, replace or delete.'),
      paths: z.array(z.string()).describe('Properties that change; empty for a whole resource.'),
    }),
  ),
})

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  asOf: z.string().describe('The time that the guards took for now.'),
  stacks: z.array(StackPreview),
})

export default class Preview extends BaseCommand {
  static override description = 'Show what deploying the plan would change; deploys nothing.'
  static override examples = [
    '<%= config.bin %> preview',
    '<%= config.bin %> preview --env production --region us-east-1 --baseline ../main/forecasts/production',
  ]
  static override flags = {
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    baseline: Flags.string({
      description: 'Folder of the plan in force, to check how much this one takes away.',
    }),
    region: Flags.string({ description: 'Only this region.' }),
    'as-of': instant({ description: 'Check as if it were this time; default now.' }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Preview)
    const config = await readConfig(flags.config)
    const { name: environment, environment: settings } = environmentOf(config, flags.env)
    requireSharedState(settings.backend)
    const now = flags['as-of'] ?? Math.floor(Date.now() / 1000)
    const folder = flags.plan ?? relative('', besideConfig(flags.config, planFolder(environment)))
    const { planId, decision } = await readPlan(folder)

    const stacks: z.infer<typeof StackPreview>[] = []
    for (const region of flags.region === undefined ? planRegions(decision) : [flags.region]) {
      const stack = formatStackName({ environment, region, layer: 'serving' })
      const inputs = await readProgramInputs({
        config,
        environment,
        region,
        planFolder: folder,
        ...(flags.baseline !== undefined && { baselineFolder: flags.baseline }),
        now,
      })
      // The program knows more than the files: what the stack was last deployed with.
      let checks = checkInputs(inputs)
      let changeSet: ChangeSet
      try {
        assertChecks(checks)
        this.progress(`Previewing ${stack} …`)
        // The Pulumi SDK takes half a second to load: not before there is something to preview.
        const { createProgram } = await import('../../stacks/program.js')
        const { previewStack } = await import('../delivery/engine.js')
        changeSet = await previewStack({
          stackName: stack,
          program: createProgram(inputs, (final) => {
            checks = final
          }),
          projectFolder: resolve(besideConfig(flags.config, '.')),
          ...(settings.backend !== undefined && { backend: settings.backend }),
        })
      } finally {
        const verdicts = tabulateVerdicts(checks.guards, checks.policies)
        this.log(`Stack ${stack}\n\n${formatTable(verdicts.columns, verdicts.rows)}\n`)
      }
      const changes = tabulateChanges(changeSet)
      if (changes.rows.length > 0) this.log(`${formatTable(changes.columns, changes.rows)}\n`)
      const providers = Object.entries(changeSet.providerVersions).map(
        ([name, version]) => `${name} ${version}`,
      )
      this.log(
        `${describeChanges(changeSet)} (${['engine', changeSet.engineVersion].join(' ')}${providers.map((each) => `, ${each}`).join('')}).\n`,
      )
      stacks.push({ stack, region, guards: checks.guards, policies: checks.policies, ...changeSet })
    }
    return { planId, environment, asOf: formatInstant(now), stacks }
  }
}

/** On a runner the local backend starts empty and dies with it: every preview would show a first deployment. */
function requireSharedState(backend: string | undefined): void {
  if (process.env['GITHUB_ACTIONS'] !== 'true' || (backend !== undefined && !backend.startsWith('file:')))
    return
  throw new LlmscaleError(
    'configInvalid',
    'BACKEND_LOCAL_IN_CI',
    'The environment has no shared Pulumi backend, and state on a runner dies with it.',
    ['Set environments.<env>.backend in llmscale.yaml, e.g. s3://bucket?region=us-east-1.'],
  )
}
