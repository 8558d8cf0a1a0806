import { join } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { assertChecks, type Checks, checkInputs } from '../../stacks/check-inputs.js'
import { BaseCommand } from '../cli/base-command.js'
import {
  checkRegion,
  checkStackChanges,
  type Deployment,
  openDeployment,
  programInputs,
  type StackTarget,
  stackOptions,
} from '../cli/deployment.js'
import { instant } from '../cli/flags.js'
import { formatTable } from '../cli/table.js'
import { writeFileWhole } from '../delivery/files.js'
import { formatInstant } from '../kit/time.js'
import { ChangeSet } from '../planning/change-set.js'
import { type Deployed, GuardVerdict } from '../planning/guards.js'
import {
  formatReviewedChanges,
  type ReviewedChanges,
  reviewedChangesFile,
} from '../planning/reviewed-changes.js'
import { describeChanges, tabulateChanges, tabulateVerdicts } from '../review/preview-tables.js'

export const PolicyVerdict = z.strictObject({
  policy: z.string(),
  state: z.enum(['passed', 'refused', 'not-checked']),
  reason: z.exactOptional(z.string()).describe('Why it was not checked.'),
  violations: z.array(z.strictObject({ policy: z.string(), subject: z.string(), message: z.string() })),
})

const StackPreview = ChangeSet.extend({
  stack: z.string(),
  region: z.string(),
  layer: z.enum(['capacity', 'serving']),
  deployedPlanId: z.string().nullable().describe('Plan that the stack is deployed from.'),
  guards: z.array(GuardVerdict),
  policies: z.array(PolicyVerdict),
})
type StackPreview = z.infer<typeof StackPreview>

export const Result = z.strictObject({
  planId: z.string(),
  environment: z.string(),
  asOf: z.string().describe('The time that the guards took for now.'),
  written: z.string().nullable().describe('The change set for review, with --write.'),
  stacks: z.array(StackPreview),
})

export default class Preview extends BaseCommand {
  static override description = 'Show what deploying the plan would change; deploys nothing.'
  static override examples = [
    '<%= config.bin %> preview',
    '<%= config.bin %> preview --write',
    '<%= config.bin %> preview --env production --region us-east-1 --baseline ../main/forecasts/production',
  ]
  static override flags = {
    plan: Flags.string({ description: 'Folder of the plan; default forecasts/<env>.' }),
    baseline: Flags.string({
      description: 'Folder of the plan in force, to check how much this one takes away.',
    }),
    region: Flags.string({ description: 'Only this region.' }),
    'as-of': instant({ description: 'Check as if it were this time; default now.' }),
    write: Flags.boolean({
      description: 'Write changes.json beside the plan: what people review, and all that apply may do.',
      exclusive: ['region'],
    }),
    'allow-delete': Flags.string({
      description: 'Resource, workload or pool that may be deleted or replaced.',
      multiple: true,
      default: [],
    }),
    'allow-purchase': Flags.string({
      description: 'Reservation that may be bought.',
      multiple: true,
      default: [],
    }),
  }

  async run(): Promise<z.infer<typeof Result>> {
    const { flags } = await this.parse(Preview)
    const deployment = await openDeployment({ ...flags, env: flags.env })
    const { inputs, stacks, regions } = deployment
    // Before anything is asked of a cloud: the plan itself.
    const offline = stacks.map((target) => ({
      target,
      ...checkInputs(programInputs(deployment, target, false)),
    }))
    const refused = offline.find(isRefused)
    if (refused !== undefined) {
      this.printVerdicts(offline.map(({ target, ...checks }) => ({ stack: target.stack, ...checks })))
      assertChecks(refused)
    }

    const previews: StackPreview[] = []
    for (const region of regions) {
      this.progress(`Asking ${region} …`)
      const world = await checkRegion(deployment, region, true)
      for (const target of stacks.filter((each) => each.region === region)) {
        this.progress(`Previewing ${target.stack} …`)
        const { guards, ...preview } = await previewTarget(deployment, target)
        previews.push({ ...preview, guards: [...guards, ...world] })
      }
    }
    const judged = previews.map((preview) => this.judge(deployment, preview, flags.write))
    this.printVerdicts(judged)
    for (const preview of judged) this.printChanges(preview)
    for (const checks of judged) assertChecks(checks)
    const written = flags.write ? await writeChanges(deployment, judged) : null
    if (written !== null)
      this.hint(`Wrote ${written}. Commit it with the plan; llmscale apply does nothing else.`)
    return {
      planId: inputs.plan.planId,
      environment: deployment.environment,
      asOf: formatInstant(inputs.now),
      written,
      stacks: judged,
    }
  }

  /** What is about to be written as the reviewed change set is not compared with an older one. */
  private judge(deployment: Deployment, preview: StackPreview, writes: boolean): StackPreview {
    const { reviewed, ...inputs } = deployment.inputs
    const compared = {
      ...deployment,
      inputs: writes || reviewed === undefined ? inputs : { ...inputs, reviewed },
    }
    const settings = { ...deployment.settings, approval: 'none' as const }
    const verdicts = checkStackChanges({ ...compared, settings }, preview, preview, preview.deployedPlanId)
    return { ...preview, guards: [...preview.guards, ...verdicts] }
  }

  private printVerdicts(stacks: Parameters<typeof tabulateVerdicts>[0]): void {
    const { columns, rows } = tabulateVerdicts(stacks)
    this.log(`${formatTable(columns, rows)}\n`)
  }

  private printChanges(preview: StackPreview): void {
    this.log(`Stack ${preview.stack}\n`)
    const { columns, rows } = tabulateChanges(preview)
    if (rows.length > 0) this.log(`${formatTable(columns, rows)}\n`)
    const versions = [
      `engine ${preview.engineVersion}`,
      ...Object.entries(preview.providerVersions).map(([name, version]) => `${name} ${version}`),
    ]
    this.log(`${describeChanges(preview)} (${versions.join(', ')}).\n`)
  }
}

function isRefused({ guards, policies }: Checks): boolean {
  return [...guards, ...policies].some(({ state }) => state === 'refused')
}

/** The engine's preview of one stack, with the verdicts of the program, which knows what is deployed. */
async function previewTarget(deployment: Deployment, target: StackTarget): Promise<StackPreview> {
  // The Pulumi SDK takes half a second to load: not before there is something to preview.
  const { previewStack } = await import('../delivery/engine.js')
  let checks: Checks = { guards: [], policies: [] }
  let deployed: Deployed | undefined
  const options = await stackOptions(deployment, target, false, {
    onChecks: (final, before) => {
      checks = final
      deployed = before
    },
  })
  const changeSet = await previewStack(options)
  return { ...target, deployedPlanId: deployed?.planId ?? null, ...checks, ...changeSet }
}

async function writeChanges(
  { inputs, folder, allowDelete, allowPurchase }: Deployment,
  previews: readonly StackPreview[],
): Promise<string> {
  const reviewed: ReviewedChanges = {
    apiVersion: 'llmscale/v1alpha1',
    kind: 'ReviewedChanges',
    planId: inputs.plan.planId,
    allowDelete,
    allowPurchase,
    stacks: Object.fromEntries(
      previews.map(({ stack, deployedPlanId, engineVersion, providerVersions, changes }) => [
        stack,
        { deployedPlanId, engineVersion, providerVersions, changes },
      ]),
    ),
  }
  const path = join(folder, reviewedChangesFile)
  await writeFileWhole(path, formatReviewedChanges(reviewed))
  return path
}
