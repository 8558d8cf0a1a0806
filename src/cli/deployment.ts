import { basename, join, relative, resolve } from 'node:path'
import type { EnvironmentInputs, ProgramInputs } from '../../stacks/check-inputs.js'
import type { ProgramOptions } from '../../stacks/program.js'
import { readEnvironmentInputs } from '../../stacks/read-inputs.js'
import { formatStackName, type Layer, layers } from '../../stacks/stack-name.js'
import type { Environment } from '../config/environment.js'
import type { Config } from '../config/schema.js'
import type { StackOptions } from '../delivery/engine.js'
import { openStateStore } from '../delivery/open-state-store.js'
import { planFolder } from '../delivery/plan-folder.js'
import { readRenewal } from '../delivery/renewal-file.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { parseInstant } from '../kit/time.js'
import type { EpochSeconds } from '../kit/units.js'
import { createManifests, planRegions } from '../manifests/manifests.js'
import type { Finding, PlanDecision } from '../planning/capacity-plan.js'
import { checkChanges } from '../planning/change-guards.js'
import type { ChangeSet } from '../planning/change-set.js'
import { findConstantFloors } from '../planning/constant-floor.js'
import type { Deployed, GuardVerdict } from '../planning/guards.js'
import { besideConfig, environmentOf, readConfig } from './project.js'

/** One stack of an environment. */
export interface StackTarget {
  stack: string
  region: string
  layer: Layer
  /** It holds something, and the plan no longer has it. */
  isOrphan?: boolean
}

/** An environment that is about to be previewed or deployed. */
export interface Deployment {
  config: Config
  environment: string
  settings: Environment
  inputs: EnvironmentInputs
  /** Folder of the plan. */
  folder: string
  /** Files and folders that decide what is deployed, from the project's folder: what a review must have seen. */
  reviewedPaths: string[]
  /** Folder of llmscale.yaml, and its name there. */
  projectFolder: string
  configFile: string
  regions: string[]
  stacks: StackTarget[]
  /** The stacks of all regions, whichever were asked for. */
  planned: StackTarget[]
  /** What a reader of the verdicts must know beside them. */
  findings: Finding[]
  /** What flags allow to delete and to buy. */
  allowDelete: string[]
  allowPurchase: string[]
}

export interface DeploymentFlags {
  config: string
  env: string | undefined
  plan: string | undefined
  region: string | undefined
  baseline?: string | undefined
  'as-of': EpochSeconds | undefined
  'allow-delete': string[]
  'allow-purchase': string[]
  /** The change set is about to be written anew: an older one does not count. */
  write?: boolean
  adopt?: boolean
}

/** Reads the plan of an environment and what may forbid it. Throws as `readEnvironmentInputs` and REGION_UNKNOWN. */
export async function openDeployment(flags: DeploymentFlags): Promise<Deployment> {
  const config = await readConfig(flags.config)
  const { name: environment, environment: settings } = environmentOf(config, flags.env)
  const homeFolder = relative('', besideConfig(flags.config, planFolder(environment)))
  const folder = flags.plan ?? homeFolder
  const { reviewed, ...inputs } = await readEnvironmentInputs({
    config,
    environment,
    planFolder: folder,
    homeFolder,
    ...(flags.baseline !== undefined && { baselineFolder: flags.baseline }),
    ...(settings.backend !== undefined && { backend: settings.backend }),
    now: flags['as-of'] ?? Math.floor(Date.now() / 1000),
  })
  const { decision } = inputs.plan
  const projectFolder = resolve(besideConfig(flags.config, '.'))
  const renewedUntil = await findRenewal(inputs, settings, projectFolder)
  const regions = selectRegions(planRegions(decision), flags.region)
  return {
    config,
    environment,
    settings,
    inputs: {
      ...inputs,
      ...(renewedUntil !== undefined && { renewedUntil }),
      ...(reviewed && !flags.write && { reviewed }),
      allowedDeletions: flags['allow-delete'],
      allowedPurchases: flags['allow-purchase'],
      adopt: flags.adopt ?? false,
    },
    folder,
    reviewedPaths: [...new Set([folder, homeFolder])]
      .map((each) => relative(projectFolder, resolve(each)))
      .concat(basename(flags.config), join('stacks', 'config')),
    projectFolder,
    configFile: basename(flags.config),
    regions,
    stacks: regions.flatMap((region) => listStacks(inputs, region)),
    planned: planRegions(decision).flatMap((region) => listStacks(inputs, region)),
    findings: settings.autoscaler === 'hpa' ? findConstantFloors(inputs.plan, regions) : [],
    allowDelete: flags['allow-delete'],
    allowPurchase: flags['allow-purchase'],
  }
}

/** Asked only for a plan that has ended: the place may be far. */
async function findRenewal(
  { plan, environment, now }: EnvironmentInputs,
  settings: Environment,
  projectFolder: string,
): Promise<string | undefined> {
  if (now < (parseInstant(plan.header.validUntil) ?? 0)) return undefined
  const store = await openStateStore(settings, projectFolder)
  return (await readRenewal(store, environment, plan.planId))?.validUntil
}

/** Throws REGION_UNKNOWN. */
export function selectRegions(planned: readonly string[], wanted: string | undefined): string[] {
  if (wanted === undefined) return [...planned]
  if (planned.includes(wanted)) return [wanted]
  const near = nearestName(wanted, planned)
  throw new LlmscaleError(
    'usage',
    'REGION_UNKNOWN',
    `The plan has nothing for region ${JSON.stringify(wanted)}; it has ${planned.join(', ') || 'none'}.`,
    near === undefined ? [] : [`--region ${near}`],
  )
}

/** The layer `capacity` is there where the environment names the EKS cluster of the region. */
function listStacks(
  { config, environment }: Pick<EnvironmentInputs, 'config' | 'environment'>,
  region: string,
): StackTarget[] {
  const hasCapacity = config.environments[environment]?.clusters[region]?.name !== undefined
  return layers
    .filter((layer) => layer === 'serving' || hasCapacity)
    .map((layer) => ({ stack: formatStackName({ environment, region, layer }), region, layer }))
}

/** The stacks of a decision that `apply` deploys. */
export function listPulumiStacks(config: Config, environment: string, decision: PlanDecision): string[] {
  const settings = config.environments[environment]!
  return planRegions(decision)
    .flatMap((region) => listStacks({ config, environment }, region))
    .filter((target) => isPulumis({ settings }, target))
    .map(({ stack }) => stack)
}

/**
 * With delivery gitops Argo CD or Flux applies what is in the cluster; Pulumi keeps the AWS layer, and what it deployed
 * before to a region that is no longer in the plan.
 */
export function isPulumis(
  { settings }: Pick<Deployment, 'settings'>,
  { layer, isOrphan = false }: StackTarget,
): boolean {
  return settings.delivery === 'pulumi' || layer === 'capacity' || isOrphan
}

/** What the engine needs to open a stack, but the program. */
export function stackSettings(
  { projectFolder, settings }: Deployment,
  { stack, layer }: StackTarget,
): Omit<StackOptions, 'program'> {
  return {
    stackName: stack,
    projectFolder,
    refresh: layer === 'capacity',
    ...(settings.backend !== undefined && { backend: settings.backend }),
    ...(settings.secretsProvider !== undefined && { secretsProvider: settings.secretsProvider }),
  }
}

export function programInputs(
  { inputs }: Deployment,
  { region, layer }: StackTarget,
  writes: boolean,
): ProgramInputs {
  return { ...inputs, region, layer, writes }
}

/** A stack's program, and what the engine needs to run it; the Pulumi SDK is loaded here. */
export async function stackOptions(
  deployment: Deployment,
  target: StackTarget,
  writes: boolean,
  options: ProgramOptions,
): Promise<StackOptions> {
  const { createProgram } = await import('../../stacks/program.js')
  return {
    ...stackSettings(deployment, target),
    program: createProgram(programInputs(deployment, target, writes), options),
  }
}

/** Instead of a version of the engine, where it previewed nothing. */
export const notRun = 'none'

/**
 * The verdicts on a fresh change set of one stack.
 * @param writes false in a preview, which comes before its review: only a change set that is there already is compared
 */
export function checkStackChanges(
  deployment: Deployment,
  target: StackTarget,
  fresh: ChangeSet,
  deployed: Deployed | undefined,
  writes: boolean,
): GuardVerdict[] {
  // Of what Argo CD or Flux delivers, the rendered folder is what was reviewed.
  if (!isPulumis(deployment, target) || fresh.engineVersion === notRun) return []
  const { inputs, settings, allowDelete, allowPurchase } = deployment
  const { stack, region } = target
  return checkChanges({
    stack,
    environment: deployment.environment,
    region,
    planId: inputs.plan.planId,
    fresh,
    deployed: deployed?.planId === inputs.plan.planId,
    decisions: [inputs.plan.decision, ...(deployed === undefined ? [] : [deployed.decision])],
    ...(inputs.reviewed && { reviewed: inputs.reviewed }),
    needsReview: writes && settings.approval !== 'none',
    allowDelete,
    allowPurchase,
  })
}

/**
 * What the cloud and the cluster of a region say of the plan: whether nodes may launch there, and the cluster takes the
 * objects. Without credentials or a kubeconfig it is not checked, and says so.
 */
export async function checkRegion(
  { config, settings, inputs }: Deployment,
  region: string,
): Promise<GuardVerdict[]> {
  const { checkCloud } = await import('../delivery/aws-cloud.js')
  const { checkCluster } = await import('../delivery/cluster-check.js')
  const { decision } = inputs.plan
  const context = settings.clusters[region]?.context
  const objects = createManifests(decision, region, config)
  return [
    ...(await checkCloud({ decision, region, config })),
    ...(await checkCluster({
      objects,
      adopt: inputs.adopt ?? false,
      delivery: settings.delivery,
      ...(context !== undefined && { context }),
    })),
  ]
}
