import { join } from 'node:path'
import { z } from 'zod'
import { type Checks, checkInputs, createObjects } from '../../stacks/check-inputs.js'
import { compareManifests } from '../delivery/manifest-folder.js'
import { type FoundPlan, readReviewedPlan } from '../delivery/plan-history.js'
import { formatObjects, gitopsFolder } from '../manifests/region-folder.js'
import type { CapacityPlan } from '../planning/capacity-plan.js'
import { ChangeSet } from '../planning/change-set.js'
import { type Deployed, GuardVerdict, sortVerdicts } from '../planning/guards.js'
import { describeChanges, tabulateChanges, tabulateVerdicts } from '../review/preview-tables.js'
import {
  checkStackChanges,
  type Deployment,
  isPulumis,
  notRun,
  programInputs,
  type StackTarget,
  stackOptions,
} from './deployment.js'
import { formatTable } from './table.js'

const PolicyVerdict = z.strictObject({
  policy: z.string(),
  state: z.enum(['passed', 'refused', 'not-checked']),
  reason: z.exactOptional(z.string()).describe('Why it was not checked.'),
  violations: z.array(z.strictObject({ policy: z.string(), subject: z.string(), message: z.string() })),
})

/** What deploying one stack would change, and what allows or forbids it. */
export const StackPreview = ChangeSet.extend({
  stack: z.string(),
  region: z.string(),
  layer: z.enum(['capacity', 'serving']),
  deployedPlanId: z.string().nullable().describe('Plan that the stack is deployed from.'),
  guards: z.array(GuardVerdict),
  policies: z.array(PolicyVerdict),
})
export type StackPreview = z.infer<typeof StackPreview>

/**
 * The plan that Argo CD or Flux delivers, which stands on the reviewed branch: `--baseline`, else what git has of it.
 * Undefined where nothing is delivered yet, and where Pulumi delivers: its stacks know. Throws as `readReviewedPlan`.
 */
export async function readDelivered(deployment: Deployment): Promise<FoundPlan | undefined> {
  const { settings, inputs, folder } = deployment
  if (settings.delivery !== 'gitops') return undefined
  if (inputs.baseline !== undefined) return { plan: inputs.baseline, place: '--baseline' }
  const found = await readReviewedPlan(folder, settings.reviewedBranch, inputs.onRunner)
  return found && { ...found, place: `origin/${settings.reviewedBranch}, ${found.place}` }
}

/**
 * The engine's preview of a stack, with the verdicts of its program, which knows what is deployed, and on what changes.
 * @param delivered the plan in force where Argo CD or Flux applies, as `readDelivered` gives it
 */
export async function previewTarget(
  deployment: Deployment,
  target: StackTarget,
  writes: boolean,
  delivered?: CapacityPlan,
): Promise<StackPreview> {
  if (!isPulumis(deployment, target)) return previewFolder(deployment, target, delivered)
  // The Pulumi SDK takes half a second to load: not before there is something to preview.
  const { previewStack } = await import('../delivery/engine.js')
  let checks: Checks = { guards: [], policies: [] }
  let deployed: Deployed | undefined
  const options = await stackOptions(deployment, target, writes, {
    onChecks: (final, before) => {
      checks = final
      deployed = before
    },
  })
  const changeSet = await previewStack(options).catch((error: unknown) => {
    // The program's own refusal: what it knows of the deployed plan is told with all other verdicts.
    if (isRefused(checks)) return { engineVersion: notRun, providerVersions: {}, changes: [] }
    throw error
  })
  const verdicts = checkStackChanges(deployment, target, changeSet, deployed, writes)
  return {
    ...target,
    deployedPlanId: deployed?.planId ?? null,
    guards: [...checks.guards, ...verdicts],
    policies: checks.policies,
    ...changeSet,
  }
}

/**
 * Argo CD or Flux applies what is in the folder: the plan may go only where the folder is as the plan gives it. The
 * merge is what writes, so this is the last that can refuse it. Which plan this one was made after is not asked: people
 * review the folder's difference from the very branch that it comes to.
 */
async function previewFolder(
  deployment: Deployment,
  target: StackTarget,
  delivered: CapacityPlan | undefined,
): Promise<StackPreview> {
  const { settings, environment, projectFolder } = deployment
  const inputs = { ...programInputs(deployment, target, true), ...(delivered && { deployed: delivered }) }
  const { guards, policies } = checkInputs(inputs)
  const folder = gitopsFolder(settings, environment, target.region)
  const files = formatObjects(createObjects(inputs), settings.gitops.format)
  const differences = await compareManifests(join(projectFolder, folder), files)
  const rule = { guard: 'changes', reason: 'digestMismatch', code: 'MANIFESTS_DIFFER' } as const
  const changes: GuardVerdict =
    differences.length === 0
      ? { ...rule, state: 'passed', message: `${folder} is as the plan gives it` }
      : {
          ...rule,
          state: 'refused',
          message: `${differences.map(({ name, state }) => `${folder}/${name} is ${state}`).join('; ')}: run \`llmscale render\``,
        }
  return {
    ...target,
    deployedPlanId: delivered?.planId ?? null,
    guards: sortVerdicts([...guards.filter(({ guard }) => guard !== 'baseline'), changes]),
    policies,
    engineVersion: notRun,
    providerVersions: {},
    changes: [],
  }
}

/**
 * What the files of the plan alone say, before the engine runs. What is deployed is not known yet: the guards that
 * compare the plan with it are left out.
 */
export function checkFiles(deployment: Deployment, target: StackTarget, writes: boolean): Checks {
  const { guards, policies } = checkInputs(programInputs(deployment, target, writes))
  return {
    guards: guards.filter(({ guard }) => guard !== 'superseded' && guard !== 'baseline'),
    policies,
  }
}

export function isRefused({ guards, policies }: Checks): boolean {
  return [...guards, ...policies].some(({ state }) => state === 'refused')
}

export function formatVerdicts(stacks: Parameters<typeof tabulateVerdicts>[0]): string {
  const { columns, rows } = tabulateVerdicts(stacks)
  return formatTable(columns, rows)
}

/** A table of what changes, and a sentence with the versions that say so. */
export function formatChanges(preview: StackPreview): string {
  if (preview.engineVersion === notRun) {
    const why = isRefused(preview) ? 'not previewed, as it is refused' : 'Argo CD or Flux applies it'
    return `Stack ${preview.stack}: ${why}.`
  }
  const { columns, rows } = tabulateChanges(preview)
  const versions = [
    `engine ${preview.engineVersion}`,
    ...Object.entries(preview.providerVersions).map(([name, version]) => `${name} ${version}`),
  ]
  const table = rows.length > 0 ? `${formatTable(columns, rows)}\n\n` : ''
  return `Stack ${preview.stack}\n\n${table}${describeChanges(preview)} (${versions.join(', ')}).`
}
