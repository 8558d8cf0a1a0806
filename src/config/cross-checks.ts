import { z } from 'zod'
import { parseShape, precisions, shapeName } from '../catalog/gpu-shape.js'
import { findGpu, gpuNames } from '../catalog/gpus.js'
import { findInstanceType, instanceTypeNames, nodesOfReplica } from '../catalog/instance-types.js'
import { findModel, modelNames, models } from '../catalog/models.js'
import { nearestName } from '../kit/names.js'
import { workloadId } from '../kit/workload.js'
import type { Finding } from './read-yaml.js'
import { checkOwnTarget } from './serve.js'

const lenient = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined)
const text = lenient(z.string())
const number = lenient(z.number())
const texts = lenient(z.array(text))
// A key of unknown alone must be there.
const anything = z.unknown().optional()
const block = <Shape extends z.ZodRawShape>(shape: Shape) => lenient(z.object(shape))

/** What the checks read, whatever else is wrong with the configuration: the rest becomes undefined. */
const Outline = block({
  environments: lenient(
    z.record(
      z.string(),
      block({
        regions: texts,
        approval: text,
        backend: text,
        delivery: text,
        gitops: block({ path: text }),
        rollout: block({ canary: text }),
        clusters: lenient(
          z.record(
            z.string(),
            block({ name: text, nodeRole: text, subnets: texts, zones: texts, securityGroups: texts }),
          ),
        ),
        nodes: block({
          manager: text,
          nodeClass: text,
          amiAlias: text,
          interruptionQueue: lenient(z.boolean()),
        }),
        reservations: lenient(
          z.array(
            block({
              name: text,
              kind: text,
              region: text,
              zone: text,
              instanceType: text,
              id: text,
              until: text,
            }),
          ),
        ),
      }),
    ),
  ),
  models: lenient(z.record(z.string(), block({ architecture: text }))),
  shapes: lenient(
    z.array(
      block({
        instanceType: text,
        gpusPerReplica: number,
        gpu: text,
        precision: z.enum(precisions).catch('bf16'),
      }),
    ),
  ),
  workloads: lenient(
    z.array(
      block({
        model: text,
        tenant: text,
        regions: texts,
        target: block({ kind: text, name: text, namespace: text, selector: anything, autoscaler: text }),
        disruptionBudget: anything,
        serve: anything,
        slo: block({ ttftP95: anything, itlP95: anything, endToEndP95: anything }),
        shapes: texts,
        minReplicas: number,
        maxReplicas: number,
      }),
    ),
  ),
  poolLimits: lenient(z.array(block({ instanceType: text, region: text }))),
  prices: lenient(z.array(block({ instanceType: text, region: text }))),
  overrides: lenient(z.array(block({ workload: text, floor: number, maximum: number, shape: text }))),
})
type Outline = NonNullable<z.infer<typeof Outline>>

/** What the parts of a configuration ask of each other and of the catalogue. Takes any value and never throws. */
export function crossCheck(value: unknown): Finding[] {
  const outline = Outline.parse(value) ?? {}
  return [
    ...checkEnvironments(outline),
    ...checkDelivery(outline),
    ...checkCanaries(outline),
    ...checkClusters(outline),
    ...checkReservations(outline),
    ...checkModels(outline),
    ...checkShapes(outline),
    ...checkWorkloads(outline),
    ...checkPoolsAndPrices(outline),
    ...checkOverrides(outline),
  ]
}

/** `unknown model "lama"; did you mean llama?`, or what there is. */
const unknown = (what: string, name: string, known: readonly string[]): string =>
  advise(`unknown ${what} ${JSON.stringify(name)}`, name, known)

function advise(message: string, name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  return `${message}; ${near === undefined ? `there is ${list(known)}` : `did you mean ${near}?`}`
}

function list(names: readonly string[]): string {
  const most = 16
  if (names.length === 0) return 'none'
  return names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')}, …`
}

const unserved = (region: string, regions: readonly string[]): string =>
  `no environment serves from ${JSON.stringify(region)}; there is ${list(regions)}`

function checkEnvironments({ environments = {} }: Outline): Finding[] {
  return Object.entries(environments).flatMap(([name, environment]) => {
    const { approval = 'none', backend } = environment ?? {}
    if (approval !== 'none' || backend === undefined || backend.startsWith('file://')) return []
    return [
      {
        path: ['environments', name, 'approval'],
        message: `none is for a local backend alone, and this one is ${backend}; write git or github`,
      },
    ]
  })
}

/** A canary that is misspelt would be none. */
function checkCanaries({ environments = {} }: Outline): Finding[] {
  return Object.entries(environments).flatMap(([name, environment]) => {
    const regions = definedOf(environment?.regions)
    const canary = environment?.rollout?.canary
    if (canary === undefined || regions.includes(canary)) return []
    const path = ['environments', name, 'rollout', 'canary']
    return [{ path, message: unknown('region', canary, regions) }]
  })
}

/** Where `llmscale render` writes: each environment and region needs a folder of its own. */
function checkDelivery({ environments = {} }: Outline): Finding[] {
  const owners = new Map<string, string>()
  return Object.entries(environments).flatMap(([name, environment]) => {
    const { delivery, regions = [], gitops } = environment ?? {}
    const path = gitops?.path
    if (delivery !== 'gitops' || path === undefined) return []
    const findings: Finding[] = []
    const add = (message: string) =>
      findings.push({ path: ['environments', name, 'gitops', 'path'], message })
    if (regions.length > 1 && !path.includes('{region}'))
      add(`${path} is one folder for ${regions.length} regions; add {region}`)
    const folder = path.replaceAll('{environment}', name)
    const owner = owners.get(folder)
    if (owner === undefined) owners.set(folder, name)
    else add(`${folder} is the folder of environment ${owner} too; add {environment}`)
    return findings
  })
}

type EnvironmentOutline = NonNullable<NonNullable<Outline['environments']>[string]>
type ClusterOutline = NonNullable<NonNullable<EnvironmentOutline['clusters']>[string]>

function checkClusters({ environments = {} }: Outline): Finding[] {
  return Object.entries(environments).flatMap(([name, environment = {}]) => {
    const { regions, clusters = {} } = environment
    const path = ['environments', name, 'clusters']
    const strangers = Object.keys(clusters)
      .filter((region) => regions !== undefined && !regions.includes(region))
      .map((region) => ({
        path: [...path, region],
        message: unknown('region', region, definedOf(regions)),
        atKey: true,
      }))
    const subnets = Object.entries(clusters).flatMap(([region, cluster]) => {
      const [zones, ids] = [cluster?.zones?.length, cluster?.subnets?.length]
      if (zones === undefined || ids === undefined || zones === ids) return []
      const message = `names ${zones} zones of ${ids} subnets; write the zone of each subnet, in the same order`
      return [{ path: [...path, region, 'zones'], message }]
    })
    const incomplete = definedOf(regions).flatMap((region) => {
      const missing = missingOf(environment, clusters[region] ?? {})
      if (missing.length === 0) return []
      const manager = environment.nodes?.manager ?? 'karpenter'
      const message = `${manager} in ${region} needs clusters.${region}.{${missing.join(', ')}}`
      return [{ path: ['environments', name, 'nodes'], message, atKey: true }]
    })
    return [...strangers, ...subnets, ...incomplete]
  })
}

/** What the nodes of an environment need to know of the cluster of a region and do not. */
function missingOf({ nodes }: EnvironmentOutline, cluster: ClusterOutline): string[] {
  const isUnset = (key: keyof ClusterOutline) => cluster[key] === undefined
  if (nodes?.manager === 'managed-node-groups') {
    const missing: string[] = (['name', 'nodeRole', 'subnets', 'zones'] as const).filter(isUnset)
    return cluster.nodeRole === undefined || cluster.nodeRole.startsWith('arn:')
      ? missing
      : [...missing, 'nodeRole as an ARN']
  }
  if (nodes?.amiAlias !== undefined && nodes.nodeClass === undefined) {
    // Without groups the EC2NodeClass takes the one that EKS made, which it finds by the cluster's name.
    const needed = (['nodeRole', 'subnets'] as const).filter(isUnset)
    const needsName = isUnset('name') && (nodes.interruptionQueue || isUnset('securityGroups'))
    return needsName ? [...needed, 'name'] : needed
  }
  return nodes?.interruptionQueue && isUnset('name') ? ['name'] : []
}

function checkReservations(outline: Outline): Finding[] {
  return Object.entries(outline.environments ?? {}).flatMap(([environmentName, environment]) => {
    const seen = new Map<string, number>()
    return (environment?.reservations ?? []).flatMap((reservation, index) => {
      if (reservation === undefined) return []
      const findings: Finding[] = []
      const { name, kind = 'odcr', region, zone, instanceType, id, until } = reservation
      const path = ['environments', environmentName, 'reservations', index]
      const add = (key: string, message: string) => findings.push({ path: [...path, key], message })

      if (name !== undefined && seen.has(name))
        add('name', `${name} is already reservations[${seen.get(name)}]`)
      else if (name !== undefined) seen.set(name, index)
      const regions = definedOf(environment?.regions)
      if (region !== undefined && !regions.includes(region)) add('region', unknown('region', region, regions))
      else if (region !== undefined && zone !== undefined && !zone.startsWith(region))
        add('zone', `${zone} is no zone of ${region}`)
      const zones = definedOf(environment?.clusters?.[region ?? '']?.zones)
      if (zone !== undefined && zones.length > 0 && !zones.includes(zone))
        add('zone', `no subnet of clusters.${region} is in ${zone}; they are in ${list(zones)}`)
      const listed = instanceTypesOf(outline)
      if (instanceType !== undefined && !listed.includes(instanceType))
        add('instanceType', `no shape is on ${instanceType}; shapes are on ${list(listed)}`)
      if (id === undefined && kind === 'capacity-block') {
        const message =
          'a Capacity Block is paid in full when it is bought and cannot be returned: buy it in EC2 and write its id'
        findings.push({ path, message })
      } else if (id === undefined && region !== undefined && !environment?.clusters?.[region]?.name) {
        findings.push({ path, message: `is bought beside clusters.${region}.name, which is not set` })
      } else if (id === undefined && until === undefined) {
        findings.push({ path, message: 'needs until, as without an id it is one to buy; or the id of one' })
      }
      return findings
    })
  })
}

function checkModels(outline: Outline): Finding[] {
  return Object.entries(outline.models ?? {}).flatMap(([name, model]) => {
    const architecture = model?.architecture
    if (architecture === undefined || architecture.endsWith('.json') || findModel(architecture)) return []
    const message = `unknown model ${JSON.stringify(architecture)}, neither in the catalogue nor a .json file`
    return [
      { path: ['models', name, 'architecture'], message: advise(message, architecture, catalogueNames) },
    ]
  })
}

// Short names first, since a long list is cut.
const catalogueNames = [...modelNames, ...models.flatMap(({ aliases }) => aliases)]

function checkShapes(outline: Outline): Finding[] {
  const seen = new Map<string, number>()
  return (outline.shapes ?? []).flatMap((shape, index) => {
    const findings: Finding[] = []
    const path = ['shapes', index]
    const { instanceType, gpu, gpusPerReplica } = shape ?? {}
    const node = instanceType === undefined ? undefined : findInstanceType(instanceType)
    if (instanceType !== undefined && node?.name !== instanceType) {
      const message = unknown('instance type', instanceType, instanceTypeNames)
      return [{ path: [...path, 'instanceType'], message }]
    }
    if (gpu !== undefined && findGpu(gpu)?.name !== gpu) {
      findings.push({ path: [...path, 'gpu'], message: unknown('GPU', gpu, gpuNames) })
    } else if (gpu !== undefined && node !== undefined && gpu !== node.gpu) {
      findings.push({ path: [...path, 'gpu'], message: `${instanceType} has ${node.gpu}, not ${gpu}` })
    }
    if (node !== undefined && gpusPerReplica !== undefined && gpusPerReplica > node.gpusPerNode) {
      const { gpusPerNode } = node
      const findingOf = (message: string) => ({ path: [...path, 'gpusPerReplica'], message })
      if (gpusPerReplica % gpusPerNode !== 0)
        findings.push(
          findingOf(
            `${gpusPerReplica} is no whole number of nodes: one ${instanceType} has ${gpusPerNode} GPUs`,
          ),
        )
      else if (node.efaInterfaces === 0)
        findings.push(
          findingOf(
            `${gpusPerReplica} is more than the ${gpusPerNode} GPUs of one ${instanceType}, which has no EFA to others`,
          ),
        )
    }
    const name = nameOfShape(shape)
    if (name !== undefined && seen.has(name)) {
      findings.push({ path, message: `${name} is already shapes[${seen.get(name)}]` })
    } else if (name !== undefined) seen.set(name, index)
    return findings
  })
}

function nameOfShape(shape: NonNullable<Outline['shapes']>[number]): string | undefined {
  const node = findInstanceType(shape?.instanceType ?? '')
  if (shape?.gpusPerReplica === undefined || node === undefined) return undefined
  const { gpusPerReplica, precision } = shape
  return shapeName({ gpu: node.gpu, gpusPerReplica, precision, instanceType: node.name })
}

/** True for a shape of several whole nodes; others above one node are found as shapes. */
function spansNodes(name: string): boolean {
  const shape = parseShape(name)
  const gpusPerNode = findInstanceType(shape?.instanceType ?? '')?.gpusPerNode
  if (shape === undefined || gpusPerNode === undefined) return false
  return shape.gpusPerReplica > gpusPerNode && shape.gpusPerReplica % gpusPerNode === 0
}

const definedOf = <Value>(values: readonly (Value | undefined)[] = []): Value[] =>
  values.filter((value) => value !== undefined)

const instanceTypesOf = ({ shapes = [] }: Outline) => [
  ...new Set(definedOf(shapes.map((shape) => shape?.instanceType))),
]
const shapeNamesOf = ({ shapes = [] }: Outline) => definedOf(shapes.map(nameOfShape))
const regionsOf = ({ environments = {} }: Outline) => [
  ...new Set(Object.values(environments).flatMap((environment) => definedOf(environment?.regions))),
]

type WorkloadOutline = NonNullable<NonNullable<Outline['workloads']>[number]>

/** Regions of a workload: its own, or all that environments serve from. */
const placesOf = (workload: WorkloadOutline, outline: Outline) =>
  workload.regions === undefined ? regionsOf(outline) : definedOf(workload.regions)

function idsOf(workload: WorkloadOutline, outline: Outline): string[] {
  const { model, tenant } = workload
  if (model === undefined) return []
  return placesOf(workload, outline).map((region) =>
    workloadId({ model, region, ...(tenant === undefined ? {} : { tenant }) }),
  )
}

function checkWorkloads(outline: Outline): Finding[] {
  const { workloads = [] } = outline
  const [regions, shapes] = [regionsOf(outline), shapeNamesOf(outline)]
  const knownModels = [...Object.keys(outline.models ?? {}), ...catalogueNames]
  const owners = new Map<string, number>()
  return workloads.flatMap((workload, index) => {
    if (workload === undefined) return []
    const findings: Finding[] = []
    const { model, target, slo, minReplicas = 1, maxReplicas } = workload
    const add = (message: string, ...path: Finding['path']) =>
      findings.push({ path: ['workloads', index, ...path], message })

    if (model !== undefined && outline.models?.[model] === undefined && !findModel(model)) {
      add(
        advise(
          `unknown model ${JSON.stringify(model)}, neither in the catalogue nor under models`,
          model,
          knownModels,
        ),
        'model',
      )
    }
    for (const [place, region] of (workload.regions ?? []).entries()) {
      if (region !== undefined && !regions.includes(region)) add(unserved(region, regions), 'regions', place)
    }
    for (const [place, shape] of (workload.shapes ?? []).entries()) {
      if (shape !== undefined && !shapes.includes(shape))
        add(unknown('shape', shape, shapes), 'shapes', place)
    }
    for (const { key, message } of workload.serve === undefined ? [] : checkOwnTarget(target ?? {}))
      add(message, 'target', key)
    const spanning = (workload.shapes === undefined ? shapes : definedOf(workload.shapes)).find(spansNodes)
    if (spanning !== undefined && target?.kind !== undefined && target.kind !== 'LeaderWorkerSet')
      add(
        `${target.kind} scales single pods, and ${spanning} spans ${nodesOfReplica(parseShape(spanning)!)} nodes; write LeaderWorkerSet, or name other shapes`,
        'target',
        'kind',
      )
    if (slo !== undefined && Object.values(slo).every((limit) => limit === undefined))
      add('needs at least one of ttftP95, itlP95, endToEndP95', 'slo')
    if (maxReplicas !== undefined && maxReplicas < minReplicas)
      add(`${maxReplicas} is less than minReplicas, ${minReplicas}`, 'maxReplicas')
    if (workload.disruptionBudget !== undefined && workload.serve === undefined && !target?.selector)
      add(
        'needs target.selector: the labels that all pods of the target have, and no others',
        'disruptionBudget',
      )

    // One floor for each model, region and tenant, and one autoscaler for each target: two would fight each other.
    const claim = (name: string, key: string) => {
      const owner = owners.get(name)
      if (owner === undefined) owners.set(name, index)
      else add(`${name} already belongs to workloads[${owner}]`, key)
    }
    for (const id of idsOf(workload, outline)) claim(id, 'model')
    if (target?.kind !== undefined && target.name !== undefined) {
      for (const region of placesOf(workload, outline))
        claim(`${target.kind} ${target.namespace ?? 'default'}/${target.name} in ${region}`, 'target')
    }
    if (target?.autoscaler !== undefined) {
      for (const region of placesOf(workload, outline))
        claim(`autoscaler ${target.autoscaler} in ${region}`, 'target')
    }
    return findings
  })
}

function checkPoolsAndPrices(outline: Outline): Finding[] {
  const listed = instanceTypesOf(outline)
  const regions = regionsOf(outline)
  return (['poolLimits', 'prices'] as const).flatMap((key) =>
    (outline[key] ?? []).flatMap((entry, index) => {
      const findings: Finding[] = []
      if (entry?.instanceType !== undefined && !listed.includes(entry.instanceType)) {
        findings.push({
          path: [key, index, 'instanceType'],
          message: `no shape is on ${entry.instanceType}; shapes are on ${list(listed)}`,
        })
      }
      if (entry?.region !== undefined && !regions.includes(entry.region)) {
        findings.push({
          path: [key, index, 'region'],
          message: unserved(entry.region, regions),
        })
      }
      return findings
    }),
  )
}

function checkOverrides(outline: Outline): Finding[] {
  const ids = definedOf(outline.workloads).flatMap((workload) => idsOf(workload, outline))
  const shapes = shapeNamesOf(outline)
  return (outline.overrides ?? []).flatMap((override, index) => {
    if (override === undefined) return []
    const findings: Finding[] = []
    const { workload, shape, floor, maximum } = override
    const path = ['overrides', index]
    if (workload !== undefined && !ids.includes(workload))
      findings.push({ path: [...path, 'workload'], message: unknown('workload', workload, ids) })
    if (shape !== undefined && !shapes.includes(shape))
      findings.push({ path: [...path, 'shape'], message: unknown('shape', shape, shapes) })
    if (floor === undefined && maximum === undefined && shape === undefined)
      findings.push({ path, message: 'overrides nothing; write floor, maximum or shape' })
    if (floor !== undefined && maximum !== undefined && maximum < floor)
      findings.push({ path: [...path, 'maximum'], message: `${maximum} is less than floor, ${floor}` })
    return findings
  })
}
