import { type GpuShape, shapeName } from '../catalog/gpu-shape.js'
import { findInstanceType } from '../catalog/instance-types.js'
import { findModel } from '../catalog/models.js'
import { nodePrice } from '../catalog/prices.js'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatDuration } from '../kit/time.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { RequestLengths } from '../sizing/replica-capacity.js'
import { sizeReplica } from '../sizing/size-replica.js'
import type { OverrideInForce, PriceUsed, WorkloadDecision, WorkloadReport } from './capacity-plan.js'
import { type NodeGroup, nodesPerReplica } from './node-group.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'

type Entry = Config['workloads'][number]

/** Every workload that the config asks for in an environment, in ascending order of `workloadId`. */
export function listWorkloads(config: Config, environment: string): { workload: Workload; entry: Entry }[] {
  const { regions } = config.environments[environment]!
  return config.workloads
    .flatMap((entry) =>
      (entry.regions ?? regions)
        .filter((region) => regions.includes(region))
        .map((region) => ({
          workload: {
            model: entry.model,
            region,
            ...(entry.tenant !== undefined && { tenant: entry.tenant }),
          },
          entry,
        })),
    )
    .sort((a, b) => (workloadId(a.workload) < workloadId(b.workload) ? -1 : 1))
}

/**
 * Gives each workload the allowed shape on which a request costs least, or the one that an override names.
 * Throws what sizing throws where no shape fits, and LENGTHS_UNKNOWN where nobody says how long requests are.
 */
export function placeWorkloads(
  inputs: Pick<PlanInputs, 'config' | 'environment' | 'history' | 'baseline'>,
  overrides: readonly OverrideInForce[],
): PlannedWorkload[] {
  const { config, history } = inputs
  return listWorkloads(config, inputs.environment).map(({ workload, entry }) => {
    const id = workloadId(workload)
    const index = history.workloads.findIndex((demand) => workloadId(demand.workload) === id)
    const last = inputs.baseline?.reports.find((report) => workloadId(report) === id)
    const lengths = requestLengths(
      entry,
      meanLengths(history, index) ?? entry.assumedLengths ?? last?.meanLengths,
    )
    const lastShape = findWorkload(inputs.baseline, workload)?.shape
    const isKept = index < 0 && lastShape !== undefined
    const shapes = isKept
      ? [lastShape]
      : allowedShapes(
          config,
          entry,
          overrides.find((override) => override.workload === id && override.shape),
        )
    const { best, rejected } = cheapestPlacement(config, workload, entry, shapes, lengths)
    const others =
      shapes.length > 1 ? `the cheapest request of ${shapes.length} allowed shapes` : 'the only allowed shape'
    const reason = [others, ...rejected].join('; ')
    return { workload, entry, shapeReason: reason, index: index < 0 ? undefined : index, ...best }
  })
}

function allowedShapes(config: Config, entry: Entry, override: OverrideInForce | undefined): GpuShape[] {
  const shapes = config.shapes.map(({ gpu, ...shape }) => ({
    gpu: gpu ?? findInstanceType(shape.instanceType)!.gpu,
    ...shape,
  }))
  if (override !== undefined) return shapes.filter((shape) => shapeName(shape) === override.shape)
  return shapes.filter((shape) => entry.shapes?.includes(shapeName(shape)) ?? true)
}

type Placement = Pick<
  PlannedWorkload,
  'shape' | 'gpusPerNode' | 'capacity' | 'nodesPerReplica' | 'usdPerReplicaHour'
>

function cheapestPlacement(
  config: Config,
  workload: Workload,
  entry: Entry,
  shapes: readonly GpuShape[],
  lengths: RequestLengths,
): { best: Placement; rejected: string[] } {
  let best: Placement | undefined
  const refusals: LlmscaleError[] = []
  for (const shape of shapes) {
    try {
      const placement = place(config, workload, entry, shape, lengths)
      if (best === undefined || usdPerRequest(placement) < usdPerRequest(best)) best = placement
    } catch (error) {
      if (!(error instanceof LlmscaleError)) throw error
      refusals.push(error)
    }
  }
  if (best !== undefined) return { best, rejected: refusals.map((error) => error.message) }
  throw refusals.length === 1
    ? refusals[0]!
    : new LlmscaleError(
        'infeasible',
        'NO_SHAPE_FITS',
        `${workloadId(workload)} fits none of its ${shapes.length} allowed shapes:\n${refusals.map((error) => `  ${error.message}`).join('\n')}`,
        [...new Set(refusals.flatMap((error) => error.tryThis))],
      )
}

function usdPerRequest(placement: Placement): number {
  return placement.usdPerReplicaHour / placement.capacity.requestsPerSecond
}

function place(
  config: Config,
  workload: Workload,
  entry: Entry,
  shape: GpuShape,
  lengths: RequestLengths,
): Placement {
  const gpusPerNode = findInstanceType(shape.instanceType)!.gpusPerNode
  const nodes = nodesPerReplica(shape.gpusPerReplica, gpusPerNode)
  const price = nodePrice(
    { instanceType: shape.instanceType, region: workload.region, capacityType: 'on-demand' },
    config.prices,
  )
  if (price === undefined) {
    throw new LlmscaleError(
      'configInvalid',
      'PRICE_UNKNOWN',
      `no on-demand price is known for ${shape.instanceType} in ${workload.region}`,
      [
        `Add it to prices: in llmscale.yaml: {instanceType: ${shape.instanceType}, capacityType: on-demand, usdPerHour: …}`,
      ],
    )
  }
  const model = config.models[workload.model]
  const architecture = model?.architecture ?? workload.model
  const { slo } = entry
  const capacity = sizeReplica({
    modelName: workload.model,
    architecture: typeof architecture === 'string' ? findModel(architecture)!.architecture : architecture,
    assumed: model?.assumed ?? false,
    shape,
    slo: {
      ...(slo.ttftP95 !== undefined && { ttftP95Seconds: slo.ttftP95 }),
      ...(slo.itlP95 !== undefined && { itlP95Seconds: slo.itlP95 }),
      ...(slo.endToEndP95 !== undefined && { endToEndP95Seconds: slo.endToEndP95 }),
    },
    lengths,
    coldStart: entry.coldStart ?? {},
  })
  return { shape, gpusPerNode, capacity, nodesPerReplica: nodes, usdPerReplicaHour: nodes * price.usdPerHour }
}

/** A planned workload on the shape and with the cold start of a decision; where that shape is gone, as it is planned. */
export function placeAsIs(config: Config, planned: PlannedWorkload, last: WorkloadDecision): PlannedWorkload {
  const { workload, entry, capacity, shape } = planned
  const isKnown = findInstanceType(last.shape.instanceType) !== undefined
  const onLast =
    isKnown && shapeName(last.shape) !== shapeName(shape)
      ? place(config, workload, entry, last.shape, capacity.lengths)
      : planned
  const coldStart = { ...onLast.capacity.coldStart, totalSeconds: last.coldStartSeconds }
  return { ...planned, ...onLast, capacity: { ...onLast.capacity, coldStart } }
}

/** Longest request that must fit where the config states none, over the mean. */
const longestOverMean = 4

function requestLengths(entry: Entry, mean: WorkloadReport['meanLengths'] | undefined): RequestLengths {
  if (mean === undefined) {
    throw new LlmscaleError(
      'configInvalid',
      'LENGTHS_UNKNOWN',
      `the metrics say nothing about how long the requests of ${entry.model} are`,
      [
        `Add assumedLengths: {inputTokens: …, outputTokens: …} to the workload ${entry.model} in llmscale.yaml.`,
      ],
    )
  }
  return {
    ...mean,
    maximumInputTokens: entry.lengthLimits?.inputTokens ?? Math.ceil(mean.inputTokens * longestOverMean),
    maximumOutputTokens: entry.lengthLimits?.outputTokens ?? Math.ceil(mean.outputTokens * longestOverMean),
  }
}

function meanLengths(
  history: DemandHistory,
  index: number,
): { inputTokens: number; outputTokens: number } | undefined {
  const demand = history.workloads[index]
  if (demand === undefined || demand.tokens === 'none') return undefined
  let [requests, inputTokens, outputTokens] = [0, 0, 0]
  for (let step = 0; step < history.length; step++) {
    if (demand.mask[step] !== 0) continue
    requests += demand.requests[step]!
    inputTokens += demand.inputTokens[step]!
    outputTokens += demand.outputTokens[step]!
  }
  return requests > 0
    ? { inputTokens: inputTokens / requests, outputTokens: outputTokens / requests }
    : undefined
}

/** A node group and the indices of the planned workloads that share it. */
export interface SharedGroup {
  group: NodeGroup
  members: number[]
}

/** The node groups of all placed workloads, in ascending order of region and instance type. */
export function groupWorkloads(planned: readonly PlannedWorkload[], config: Config): SharedGroup[] {
  const groups = new Map<string, SharedGroup>()
  for (const [index, { workload, shape, gpusPerNode }] of planned.entries()) {
    const key = `${workload.region}/${shape.instanceType}`
    const known = groups.get(key)
    if (known) known.members.push(index)
    else
      groups.set(key, {
        group: createNodeGroup(workload.region, shape, gpusPerNode, config),
        members: [index],
      })
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

function createNodeGroup(region: string, shape: GpuShape, gpusPerNode: number, config: Config): NodeGroup {
  const { instanceType, gpu } = shape
  const limits = config.poolLimits
    .map((limit, index) => ({ ...limit, field: `poolLimits[${index}].maxNodes` }))
    .filter((limit) => limit.instanceType === instanceType && (limit.region ?? region) === region)
    .sort((a, b) => a.maxNodes - b.maxNodes)
  const prices = (['on-demand', 'spot'] as const).flatMap((capacityType): PriceUsed[] => {
    const price = nodePrice({ instanceType, region, capacityType }, config.prices)
    return price === undefined ? [] : [{ region, instanceType, capacityType, ...price }]
  })
  return {
    region,
    instanceType,
    gpu,
    gpusPerNode,
    ...(limits[0] && { limit: { maximumNodes: limits[0].maxNodes, field: limits[0].field } }),
    prices,
  }
}

/** What a cold start is made of, for people. */
export function describeColdStart({ capacity }: PlannedWorkload): string {
  const { coldStart } = capacity
  const parts = [
    ['node', coldStart.nodeSeconds],
    ['image', coldStart.imageSeconds],
    ['weights', coldStart.weightsSeconds],
    ['warm-up', coldStart.warmUpSeconds],
  ] as const
  return `${parts.map(([name, seconds]) => `${name} ${formatDuration(Math.round(seconds))}`).join(' + ')} (${coldStart.provenance})`
}
