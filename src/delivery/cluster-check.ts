import pLimit from 'p-limit'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import type { ClusterObject } from '../manifests/cluster-object.js'
import { managedByLabel } from '../manifests/metadata.js'
import type { GuardVerdict } from '../planning/guards.js'
import { explainMissingKind } from './custom-resource.js'
import {
  type KubernetesCluster,
  type LiveObject,
  type ObjectReference,
  openCluster,
  type Refusal,
} from './kubernetes-cluster.js'

/** So many objects are asked about at a time. */
const parallelObjects = 8

export interface ClusterQuestion {
  objects: readonly ClusterObject[]
  /** Of the kubeconfig; default the current one. */
  context?: string
  /** Take over fields and floors that others set. */
  adopt?: boolean
  /** Who applies; default Pulumi. */
  delivery?: Delivery
}

type Delivery = 'pulumi' | 'gitops'

/** What one look at the cluster found; `problem` forbids an apply. */
type Finding = { guard: 'cluster' | 'adoption' } & ({ problem: Problem } | { note: string })

/**
 * Whether a region's cluster takes the objects of a plan, by a server-side dry run of each, and whether their scale
 * targets are there and free: the guard `cluster`, a verdict for each problem. And whether the plan would lower a floor
 * that somebody else set: the guard `adoption`. Without a kubeconfig both are not checked. Changes nothing.
 */
export async function checkCluster({
  objects,
  context,
  adopt = false,
  delivery = 'pulumi',
}: ClusterQuestion): Promise<GuardVerdict[]> {
  let cluster: KubernetesCluster | undefined
  try {
    cluster = await openCluster(context)
  } catch (cause) {
    return [
      { ...clusterRule, state: 'refused', ...asProblem(cause) },
      { ...adoptionRule, state: 'not-checked', message: 'the cluster could not be asked' },
    ]
  }
  if (cluster === undefined) {
    const message = 'there is no kubeconfig: set KUBECONFIG, or make ~/.kube/config'
    return [
      { ...clusterRule, state: 'not-checked', message },
      { ...adoptionRule, state: 'not-checked', message },
    ]
  }
  const findings = await inspectAll(new Inspection(cluster, objects, { adopt, delivery }))
  const isSeen = !findings.some((finding) => 'problem' in finding && isBlind(finding.problem))
  return [
    ...judge(clusterRule, findings, `${cluster.name} accepts ${objects.length} objects`),
    ...judge(adoptionRule, findings, isSeen ? 'no floor of somebody else is lowered' : undefined),
  ]
}

const clusterRule = { guard: 'cluster', reason: 'upstreamUnavailable', code: 'CLUSTER_REFUSES' } as const
const adoptionRule = { guard: 'adoption', reason: 'policy', code: 'FLOOR_NOT_OURS' } as const

function judge(
  rule: typeof clusterRule | typeof adoptionRule,
  findings: readonly Finding[],
  fine: string | undefined,
): GuardVerdict[] {
  const own = findings.filter(({ guard }) => guard === rule.guard)
  const problems = own.flatMap((finding) => ('problem' in finding ? [finding.problem] : []))
  if (problems.length > 0)
    return problems.map((problem) => ({ guard: rule.guard, state: 'refused', ...problem }))
  if (fine === undefined)
    return [{ ...rule, state: 'not-checked', message: 'not all of the cluster could be read' }]
  const notes = own.flatMap((finding) => ('note' in finding ? [finding.note] : []))
  return [{ ...rule, state: 'passed', message: notes.length > 0 ? notes.join('; ') : fine }]
}

type Problem = Pick<GuardVerdict, 'reason' | 'code' | 'message'>

async function inspectAll(inspection: Inspection): Promise<Finding[]> {
  const limit = pLimit(parallelObjects)
  const findings = await Promise.all(
    inspection.objects.map((object) =>
      limit(() =>
        inspection
          .inspect(object)
          .catch((cause): Finding[] => [{ guard: 'cluster', problem: asProblem(cause) }]),
      ),
    ),
  )
  // One missing definition, or one right that is missing, stops many objects.
  const told = new Set<string>()
  return findings.flat().filter((finding) => {
    const text =
      'note' in finding
        ? finding.note
        : isBlind(finding.problem)
          ? finding.problem.message.replace(/"[^"]*"/g, '')
          : finding.problem.message
    return !told.has(text) && told.add(text)
  })
}

/** The cluster did not let us look. */
function isBlind({ reason }: Problem): boolean {
  return reason === 'upstreamUnavailable'
}

function asProblem(cause: unknown): Problem {
  if (!(cause instanceof LlmscaleError)) throw cause
  const { reason, code, message, tryThis } = cause
  return { reason, code, message: [message, ...tryThis].join('. ') }
}

/** An object of ours that scales a target. */
interface Scaler {
  object: LiveObject
  target: { apiVersion: string; kind: string; name: string }
  /** Replicas below which it never goes. */
  floor: number
}

const floorFields: Record<string, { field: string; fallback: number }> = {
  ScaledObject: { field: 'minReplicaCount', fallback: 0 },
  HorizontalPodAutoscaler: { field: 'minReplicas', fallback: 1 },
}

/** One look at the cluster: what several objects need is asked once. */
class Inspection {
  readonly objects: readonly LiveObject[]
  readonly #cluster: KubernetesCluster
  readonly #adopt: boolean
  readonly #delivery: Delivery
  readonly #scalers = new Map<string, Promise<Scaler[]>>()

  constructor(
    cluster: KubernetesCluster,
    objects: readonly ClusterObject[],
    { adopt, delivery }: { adopt: boolean; delivery: Delivery },
  ) {
    this.#cluster = cluster
    this.objects = objects as unknown as readonly LiveObject[]
    this.#adopt = adopt
    this.#delivery = delivery
  }

  async inspect(object: LiveObject): Promise<Finding[]> {
    if (!(await this.#cluster.knows(object.apiVersion, object.kind))) return [missingKind(object)]
    const live = await this.#cluster.read(object)
    const scaler = asScaler(object)
    const findings = scaler === undefined ? [] : await this.#inspectTarget(scaler, live)
    // A webhook of the autoscaler would say the same of a target once more, in other words.
    const isStopped = findings.some((finding) => finding.guard === 'cluster' && 'problem' in finding)
    const refusal = isStopped
      ? undefined
      : await this.#cluster.dryRun(object, {
          fieldManager: ownManager(live, this.#delivery),
          force: this.#adopt,
        })
    if (refusal !== undefined)
      findings.push({ guard: 'cluster', problem: explainRefusal(object, refusal, this.#cluster.name) })
    return findings
  }

  async #inspectTarget(scaler: Scaler, live: LiveObject | undefined): Promise<Finding[]> {
    const { object } = scaler
    const target = await this.#inspectScaleTarget(scaler)
    const owners = (await this.#findScalers(object.metadata.namespace)).filter(
      (other) => isSameTarget(other.target, scaler.target) && !isSameObject(other.object, object),
    )
    const foreign = owners.filter((other) => !isOurs(other.object, this.#delivery))
    const findings: Finding[] = [...target]
    for (const owner of foreign)
      findings.push({
        guard: 'cluster',
        problem: {
          reason: 'policy',
          code: 'TARGET_OWNED',
          message:
            `${describeTarget(scaler)} is already scaled by ${describe(owner.object)}: remove that one, from the chart that ` +
            `has it${owner.object.kind === object.kind ? `, or take it over with target.autoscaler: ${owner.object.metadata.name}` : ''}; two autoscalers fight over replicas`,
        },
      })
    const liveScaler = live === undefined ? undefined : asScaler(live)
    const setByOthers = [
      ...(liveScaler === undefined || isOurs(liveScaler.object, this.#delivery) ? [] : [liveScaler]),
      ...foreign,
    ]
    findings.push(...setByOthers.flatMap((other) => this.#compareFloors(scaler, other)))
    return findings
  }

  async #inspectScaleTarget(scaler: Scaler): Promise<Finding[]> {
    const { target, object } = scaler
    const namespace = object.metadata.namespace ?? 'default'
    const reference = { ...target, metadata: { name: target.name, namespace } }
    if (this.objects.some((each) => isSameObject(each, reference))) return []
    if (!(await this.#cluster.knows(target.apiVersion, target.kind))) return [missingKind(reference)]
    const found = await this.#cluster.read(reference)
    if (found !== undefined) return this.#noteReplicas(scaler, found)
    if ((await this.#cluster.read(namespaceReference(namespace))) === undefined)
      return [
        {
          guard: 'cluster',
          problem: {
            reason: 'configInvalid',
            code: 'NAMESPACE_MISSING',
            message: missingNamespace(namespace, this.#cluster.name),
          },
        },
      ]
    const names = (await this.#cluster.list(target.apiVersion, target.kind, namespace)).map(
      ({ metadata }) => metadata.name,
    )
    const near = nearestName(target.name, names)
    const has =
      near === undefined
        ? `it has ${names.length === 0 ? 'none' : names.sort().slice(0, 5).join(', ')}`
        : `perhaps ${near}`
    return [
      {
        guard: 'cluster',
        problem: {
          reason: 'configInvalid',
          code: 'TARGET_MISSING',
          message: `namespace ${namespace} has no ${target.kind} ${target.name}, which ${describe(object)} scales; ${has}: correct the target of the workload in llmscale.yaml`,
        },
      },
    ]
  }

  /** Replicas that a chart sets by hand are no floor, but whoever lets go of them should know. */
  async #noteReplicas({ object, target, floor }: Scaler, found: LiveObject): Promise<Finding[]> {
    const replicas = found.spec?.['replicas']
    const scalers = await this.#findScalers(object.metadata.namespace)
    if (scalers.some((each) => isSameTarget(each.target, target))) return []
    if (typeof replicas !== 'number' || replicas <= floor) return []
    return [
      {
        guard: 'adoption',
        note: `${describe(found)} has ${replicas} replicas without an autoscaler; its floor becomes ${floor}`,
      },
    ]
  }

  #compareFloors(scaler: Scaler, other: Scaler): Finding[] {
    if (other.floor <= scaler.floor) return []
    const managers = floorManagers(other.object)
    const by = managers.length === 0 ? '' : `, set by ${managers.join(', ')}`
    const floors = `${describe(other.object)} holds ${describeTarget(scaler)} at ${other.floor} replicas or more${by}; the plan lowers that to ${scaler.floor}`
    return this.#adopt
      ? [{ guard: 'adoption', note: `adopted: ${floors}` }]
      : [
          {
            guard: 'adoption',
            problem: { reason: 'policy', code: 'FLOOR_NOT_OURS', message: floors },
          },
        ]
  }

  /** ScaledObjects of a namespace, and HorizontalPodAutoscalers that no ScaledObject made. */
  async #findScalers(namespace = 'default'): Promise<Scaler[]> {
    let scalers = this.#scalers.get(namespace)
    if (scalers === undefined) {
      scalers = Promise.all([
        this.#cluster.list('keda.sh/v1alpha1', 'ScaledObject', namespace),
        this.#cluster.list('autoscaling/v2', 'HorizontalPodAutoscaler', namespace),
      ]).then(([scaledObjects, autoscalers]) =>
        [...scaledObjects, ...autoscalers.filter((each) => !isMadeByKeda(each))].flatMap(
          (each) => asScaler(each) ?? [],
        ),
      )
      this.#scalers.set(namespace, scalers)
    }
    return scalers
  }
}

function asScaler(object: LiveObject): Scaler | undefined {
  const floor = floorFields[object.kind]
  const target = object.spec?.['scaleTargetRef'] as Partial<Scaler['target']> | undefined
  if (floor === undefined || target?.name === undefined) return undefined
  return {
    object,
    // KEDA's defaults; an HPA always names both.
    target: {
      apiVersion: target.apiVersion ?? 'apps/v1',
      kind: target.kind ?? 'Deployment',
      name: target.name,
    },
    floor: (object.spec?.[floor.field] as number | undefined) ?? floor.fallback,
  }
}

/** By our label, and, where the server says who set the floor, by that. */
function isOurs(object: LiveObject, delivery: Delivery): boolean {
  const [[label, value]] = Object.entries(managedByLabel) as [[string, string]]
  if (object.metadata.labels?.[label] !== value) return false
  const managers = floorManagers(object)
  return managers.length === 0 || managers.some((manager) => ownManagers(object, delivery).includes(manager))
}

function floorManagers(object: LiveObject): string[] {
  const { field } = floorFields[object.kind] ?? {}
  return field === undefined ? [] : managersOf(object, ['f:spec', `f:${field}`])
}

/**
 * Whoever applied our label applied the object. Pulumi gives each object a manager of its own, `pulumi-kubernetes-…`;
 * Argo CD, Flux and kubectl have their names.
 */
function ownManagers(object: LiveObject, delivery: Delivery): string[] {
  const managers = managersOf(object, ['f:metadata', 'f:labels', `f:${Object.keys(managedByLabel)[0]}`])
  return delivery === 'gitops'
    ? managers
    : managers.filter((manager) => /^(pulumi-kubernetes|llmscale$)/.test(manager))
}

function managersOf({ metadata }: LiveObject, path: readonly string[]): string[] {
  return (metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => {
      let fields: unknown = fieldsV1
      for (const step of path) fields = (fields as Record<string, unknown> | undefined)?.[step]
      return fields !== undefined
    })
    .map(({ manager }) => manager)
}

/** The name to ask under: the one that has applied the object before. */
function ownManager(live: LiveObject | undefined, delivery: Delivery): string {
  const applied = live?.metadata.managedFields?.filter(({ operation }) => operation === 'Apply') ?? []
  const own = live === undefined ? [] : ownManagers(live, delivery)
  return applied.find(({ manager }) => own.includes(manager))?.manager ?? 'llmscale'
}

function isMadeByKeda({ metadata }: LiveObject): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'ScaledObject') ?? false
}

function isSameTarget(a: Scaler['target'], b: Scaler['target']): boolean {
  return a.kind === b.kind && a.name === b.name && groupOf(a.apiVersion) === groupOf(b.apiVersion)
}

function isSameObject(a: ObjectReference, b: ObjectReference): boolean {
  return (
    a.kind === b.kind &&
    groupOf(a.apiVersion) === groupOf(b.apiVersion) &&
    a.metadata.name === b.metadata.name &&
    a.metadata.namespace === b.metadata.namespace
  )
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.split('/')[0]! : ''
}

function namespaceReference(name: string): ObjectReference {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

function missingNamespace(namespace: string, cluster: string): string {
  return `${cluster} has no namespace ${namespace}: kubectl create namespace ${namespace}, or correct target.namespace in llmscale.yaml`
}

function missingKind({ apiVersion, kind }: Pick<LiveObject, 'apiVersion' | 'kind'>): Finding {
  return {
    guard: 'cluster',
    problem: {
      reason: 'configInvalid',
      code: 'CRD_MISSING',
      message: `the cluster does not know ${kind} of ${apiVersion}: ${explainMissingKind(apiVersion)}`,
    },
  }
}

/** Who refuses what, and what to do. */
function explainRefusal(
  object: ObjectReference,
  { code, message, reason, details }: Refusal,
  cluster: string,
): Problem {
  if (code === 409) {
    const causes = (details?.causes ?? []).filter((each) => each.reason === 'FieldManagerConflict')
    const owners = [
      ...new Set(causes.map((each) => /conflict with "([^"]+)"/.exec(each.message ?? '')?.[1] ?? 'somebody')),
    ]
    const fields = causes.map(({ field }) => field).join(', ')
    return {
      reason: 'policy',
      code: 'FIELD_CONFLICT',
      message: `${describe(object)}: ${owners.join(', ')} owns ${fields}: remove it from what ${owners.join(', ')} applies, or take it over with --adopt`,
    }
  }
  if (/admission webhook|denied the request|ValidatingAdmissionPolicy/.test(message))
    return { reason: 'policy', code: 'ADMISSION_REFUSED', message: `${describe(object)}: ${message}` }
  if (code === 403)
    return {
      reason: 'upstreamUnavailable',
      code: 'CLUSTER_FORBIDDEN',
      message: `${cluster}: ${message}. Give the user of the context the right to patch.`,
    }
  if (code === 404 && details?.kind === 'namespaces')
    return {
      reason: 'configInvalid',
      code: 'NAMESPACE_MISSING',
      message: missingNamespace(object.metadata.namespace ?? 'default', cluster),
    }
  const fields = (details?.causes ?? [])
    .filter(({ field }) => field !== undefined)
    .map((cause) => `${cause.field}: ${cause.message}`)
  const isSchema = reason === 'Invalid' || /typed patch object|strict decoding/.test(message)
  return {
    reason: isSchema ? 'configInvalid' : 'upstreamUnavailable',
    code: isSchema ? 'OBJECT_INVALID' : 'CLUSTER_FAILED',
    message: `${describe(object)}: ${fields.length > 0 ? fields.join('; ') : message.replace(/^failed to create typed patch object \([^)]*\): /, '')}`,
  }
}

function describe({ kind, metadata: { name, namespace } }: ObjectReference): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`
}

function describeTarget({ target: { kind, name }, object }: Scaler): string {
  return `${kind} ${object.metadata.namespace ?? 'default'}/${name}`
}
