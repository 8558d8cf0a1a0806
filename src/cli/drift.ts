import { openStateStore } from '../delivery/open-state-store.js'
import { latestReceipt } from '../delivery/receipt.js'
import { LlmscaleError } from '../kit/errors.js'
import { createManifests } from '../manifests/manifests.js'
import { type Drift, findObjectDrift, findStackDrift } from '../planning/drift.js'
import { Deployed } from '../planning/guards.js'
import type { PlaceCheck } from '../review/verify-tables.js'
import { type Deployment, type StackTarget, stackSettings } from './deployment.js'
import { describeOrphan, searchOrphans } from './orphans.js'

/** What was looked at, and what is not there as the plan has it. */
export interface DriftReport {
  checks: PlaceCheck[]
  drifts: Drift[]
}

/**
 * Holds a plan against what its stacks were deployed from and what its clusters have now; changes nothing. What cannot
 * be asked is not checked, and says why.
 */
export async function findDrift(deployment: Deployment): Promise<DriftReport> {
  const reports: DriftReport[] = []
  // Of a cluster that others deploy to there is no stack.
  for (const target of deployment.stacks)
    if (target.layer === 'capacity' || deployment.settings.delivery === 'pulumi')
      reports.push(await checkStack(deployment, target))
  for (const region of deployment.regions) reports.push(await checkCluster(deployment, region))
  reports.push(await checkOrphans(deployment))
  return {
    checks: reports.flatMap(({ checks }) => checks),
    drifts: reports.flatMap(({ drifts }) => drifts),
  }
}

/** Stacks that left the plan. */
async function checkOrphans(deployment: Deployment): Promise<DriftReport> {
  const place = 'stacks beside the plan'
  const search = await searchOrphans(deployment)
  if (search === undefined) return { checks: [], drifts: [] }
  const { orphans, failure } = search
  if (failure !== undefined) return notChecked(place, failure)
  const drifts = orphans.map(
    ({ stack: object }): Drift => ({
      place: 'stack',
      object,
      field: '',
      planned: 'missing',
      found: 'present',
      kind: 'missing',
    }),
  )
  const names = orphans.map(({ stack }) => stack).join(', ')
  return report(place, drifts, names === '' ? 'none' : `${names} ${describeOrphan(deployment)}`)
}

async function checkStack(deployment: Deployment, target: StackTarget): Promise<DriftReport> {
  const { stack, region } = target
  try {
    const { readStackOutputs } = await import('../delivery/engine.js')
    const outputs = await readStackOutputs(stackSettings(deployment, target))
    const deployed = Deployed.safeParse(outputs).data
    if (deployed === undefined) return nothingDeployed(deployment, stack)
    const drifts = findStackDrift(stack, region, deployment.inputs.plan, deployed)
    return report(stack, drifts, `deployed from plan ${deployed.planId.slice(0, 12)}`)
  } catch (error) {
    return checkReceipt(deployment, target, asUnasked(error))
  }
}

function nothingDeployed({ inputs }: Deployment, stack: string): DriftReport {
  const planned = inputs.plan.planId.slice(0, 12)
  const drift: Drift = {
    place: 'stack',
    object: stack,
    field: 'planId',
    planned,
    found: 'none',
    kind: 'missing',
  }
  return report(stack, [drift], 'nothing is deployed')
}

/** Without an engine the last receipt says what was deployed, as far as it came. */
async function checkReceipt(
  { settings, projectFolder, environment, inputs }: Deployment,
  { stack, region }: StackTarget,
  why: LlmscaleError,
): Promise<DriftReport> {
  try {
    const receipt = await latestReceipt(await openStateStore(settings, projectFolder), environment)
    if (!receipt?.steps.some((step) => step.stack === stack)) return notChecked(stack, why)
    const drifts = findStackDrift(stack, region, inputs.plan, { planId: receipt.planId })
    return report(
      stack,
      drifts,
      `by receipt ${receipt.id} (${receipt.state}) from plan ${receipt.planId.slice(0, 12)}`,
    )
  } catch (error) {
    asUnasked(error)
    return notChecked(stack, why)
  }
}

async function checkCluster({ inputs, config, settings }: Deployment, region: string): Promise<DriftReport> {
  const place = `cluster of ${region}`
  const objects = createManifests(inputs.plan.decision, region, config)
  try {
    const { readCluster } = await import('../delivery/cluster-state.js')
    const readings = await readCluster(objects, settings.clusters[region]?.context)
    const drifts = readings.flatMap(({ object, live }) => {
      const { name, namespace } = object.metadata
      return findObjectDrift(
        `${object.kind} ${namespace === undefined ? name : `${namespace}/${name}`}`,
        object,
        live,
      )
    })
    return report(place, drifts, `${objects.length} objects, only the fields that the plan sets`)
  } catch (error) {
    return notChecked(place, asUnasked(error))
  }
}

/**
 * Why the cluster of a region is not yet as the plan has it, where Argo CD or Flux applies; undefined where it is. Until
 * then its pods may need capacity that the plan takes away.
 */
export async function findUndelivered(deployment: Deployment, region: string): Promise<string | undefined> {
  const { checks, drifts } = await checkCluster(deployment, region)
  const check = checks[0]!
  const behind = drifts.filter(({ kind, field }) => kind === 'missing' || field.startsWith('spec.'))
  const first = behind[0]
  if (first === undefined)
    return check.state === 'not-checked' ? `${check.place}: ${check.message}` : undefined
  const { object, field, planned, found, kind } = first
  const rest = behind.length > 1 ? `, and ${behind.length - 1} more` : ''
  const what = kind === 'missing' ? 'is missing' : `${field} is ${found}, not ${planned}`
  return `${check.place}: ${object} ${what}${rest}`
}

function report(place: string, drifts: Drift[], message: string): DriftReport {
  return { checks: [{ place, state: drifts.length > 0 ? 'drift' : 'same', message }], drifts }
}

function notChecked(place: string, { message }: LlmscaleError): DriftReport {
  return { checks: [{ place, state: 'not-checked', message }], drifts: [] }
}

/** A failure that leaves a place unchecked; an interrupt and a bug end the command. */
function asUnasked(error: unknown): LlmscaleError {
  if (error instanceof LlmscaleError && error.reason !== 'interrupted') return error
  throw error
}
