import { join } from 'node:path'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import { assertChecks } from '../../stacks/check-inputs.js'
import { BaseCommand } from '../cli/base-command.js'
import { checkRegion, type Deployment, isPulumis, openDeployment } from '../cli/deployment.js'
import { instant } from '../cli/flags.js'
import { warnOfOrphans } from '../cli/orphans.js'
import {
  checkFiles,
  formatChanges,
  formatVerdicts,
  isRefused,
  previewTarget,
  readDelivered,
  StackPreview,
} from '../cli/stack-preview.js'
import { writeFileWhole } from '../delivery/files.js'
import { formatInstant } from '../kit/time.js'
import {
  formatReviewedChanges,
  type ReviewedChanges,
  reviewedChangesFile,
} from '../planning/reviewed-changes.js'

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
    adopt: Flags.boolean({ description: 'As apply --adopt would: take over what others set.' }),
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
    for (const each of deployment.findings) this.note(each)
    // Before anything is asked of a cloud: the plan itself.
    const offline = stacks.map((target) => ({
      stack: target.stack,
      ...checkFiles(deployment, target, false),
    }))
    const refused = offline.find(isRefused)
    if (refused !== undefined) {
      this.log(`${formatVerdicts(offline)}\n`)
      assertChecks(refused)
    }

    const delivered = await readDelivered(deployment)
    if (delivered !== undefined)
      this.hint(`Compared with plan ${delivered.plan.planId.slice(0, 12)} (${delivered.place}).`)
    const previews: StackPreview[] = []
    for (const region of regions) {
      this.progress(`Asking ${region} …`)
      const world = await checkRegion(deployment, region)
      for (const target of stacks.filter((each) => each.region === region)) {
        this.progress(`Previewing ${target.stack} …`)
        const { guards, ...preview } = await previewTarget(deployment, target, false, delivered?.plan)
        previews.push({ ...preview, guards: [...guards, ...world] })
      }
    }
    this.log(`${formatVerdicts(previews)}\n`)
    for (const preview of previews) this.log(`${formatChanges(preview)}\n`)
    for (const each of await warnOfOrphans(deployment)) this.note(each)
    for (const checks of previews) assertChecks(checks)
    const written = flags.write ? await writeChanges(deployment, previews) : null
    this.hint(
      written === null
        ? tellNextStep(deployment)
        : `Wrote ${written}. Commit it with the plan; llmscale apply does nothing else.`,
    )
    return {
      planId: inputs.plan.planId,
      environment: deployment.environment,
      asOf: formatInstant(inputs.now),
      written,
      stacks: previews,
    }
  }
}

function tellNextStep(deployment: Deployment): string {
  const { inputs, settings, planned } = deployment
  if (!planned.some((target) => isPulumis(deployment, target)))
    return 'Next: commit the plan with its manifests; Argo CD or Flux applies what is merged.'
  if (inputs.reviewed?.planId === inputs.plan.planId)
    return settings.approval === 'none' ? 'Next: llmscale apply' : 'Next: llmscale apply, once it is merged.'
  return settings.approval === 'none'
    ? 'Next: llmscale apply, or llmscale preview --write for a review before it.'
    : 'Next: llmscale preview --write'
}

async function writeChanges(deployment: Deployment, previews: readonly StackPreview[]): Promise<string> {
  const { inputs, folder, allowDelete, allowPurchase } = deployment
  const reviewed: ReviewedChanges = {
    apiVersion: 'llmscale/v1alpha1',
    kind: 'ReviewedChanges',
    planId: inputs.plan.planId,
    allowDelete,
    allowPurchase,
    stacks: Object.fromEntries(
      previews
        .filter((preview) => isPulumis(deployment, preview))
        .map(({ stack, deployedPlanId, engineVersion, providerVersions, changes }) => [
          stack,
          { deployedPlanId, engineVersion, providerVersions, changes },
        ]),
    ),
  }
  const path = join(folder, reviewedChangesFile)
  await writeFileWhole(path, formatReviewedChanges(reviewed))
  return path
}
