import { type GpuShape, shapeName } from '../catalog/gpu-shape.js'
import { findInstanceType } from '../catalog/instance-types.js'
import { findModel } from '../catalog/models.js'
import { nodePrice } from '../catalog/prices.js'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { formatDuration } from '../kit/time.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory, WorkloadDemand } from '../metrics/demand-history.js'
import { type Histogram, histogramQuantile } from '../metrics/histogram.js'
import type { RequestLengths } from '../sizing/replica-capacity.js'
import type { OverrideInForce, PriceUsed, WorkloadDecision, WorkloadReport } from './capacity-plan.js'
import { type NodeGroup, nodesPerReplica } from './node-group.js'
import { findWorkload, type PlanInputs, type PlannedWorkload } from './plan-inputs.js'
import { rankShapes, type ShapesToRank } from './rank-shapes.js'
import type { Reservation } from './reservations.js'

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
      history.workloads[index]?.lengths,
    )
    const override = overrides.find((each) => each.workload === id && each.shape !== undefined)
    const shapes = shapesFor(inputs, workload, entry, index, override)
    const { best, rejected } = placeCheapest(shapesToRank(config, entry, workload.region, lengths, shapes))
    const others =
      shapes.length > 1 ? `the cheapest request of ${shapes.length} allowed shapes` : 'the only allowed shape'
    const reason = [others, ...rejected].join('; ')
    return { workload, entry, shapeReason: reason, index: index < 0 ? undefined : index, ...best }
  })
}

/** The shape of the plan in force where demand is unknown, else a person's, else all that are allowed. */
function shapesFor(
  { config, baseline }: Pick<PlanInputs, 'config' | 'baseline'>,
  workload: Workload,
  entry: Entry,
  index: number,
  override: OverrideInForce | undefined,
): GpuShape[] {
  const last = findWorkload(baseline, workload)
  if (index < 0 && last !== undefined) return [last.shape]
  if (override !== undefined) return listShapes(config).filter((shape) => shapeName(shape) === override.shape)
  return allowedShapes(config, entry)
}

/** What to size for a workload of the config: by default on every shape that it may use. */
export function shapesToRank(
  config: Config,
  entry: Entry,
  region: string,
  lengths: RequestLengths,
  shapes: readonly GpuShape[] = allowedShapes(config, entry),
): ShapesToRank {
  const model = config.models[entry.model]
  const architecture = model?.architecture ?? entry.model
  const { slo } = entry
  return {
    modelName: entry.model,
    region,
    architecture: typeof architecture === 'string' ? findModel(architecture)!.architecture : architecture,
    assumed: model?.assumed ?? false,
    slo: { ttftP95Seconds: slo.ttftP95, itlP95Seconds: slo.itlP95, endToEndP95Seconds: slo.endToEndP95 },
    lengths,
    shapes,
    coldStart: entry.coldStart ?? {},
    prices: config.prices,
  }
}

function allowedShapes(config: Config, entry: Entry): GpuShape[] {
  return listShapes(config).filter((shape) => entry.shapes?.includes(shapeName(shape)) ?? true)
}

function listShapes(config: Config): GpuShape[] {
  return config.shapes.map((shape) => ({
    ...shape,
    gpu: shape.gpu ?? findInstanceType(shape.instanceType)!.gpu,
  }))
}

type Placement = Pick<
  PlannedWorkload,
  'shape' | 'gpusPerNode' | 'capacity' | 'nodesPerReplica' | 'usdPerReplicaHour'
>

/** The cheapest priced shape, and why others are out. */
function placeCheapest(wanted: ShapesToRank): { best: Placement; rejected: string[] } {
  const { shapes, refused } = rankShapes(wanted)
  const [first] = shapes
  if (first === undefined || first.price === null) throw priceUnknown(wanted)
  const { capacity, price } = first
  const { shape } = capacity
  const gpusPerNode = findInstanceType(shape.instanceType)!.gpusPerNode
  const best = {
    shape,
    gpusPerNode,
    capacity,
    nodesPerReplica: nodesPerReplica(shape.gpusPerReplica, gpusPerNode),
    usdPerReplicaHour: price.usdPerReplicaHour,
  }
  return { best, rejected: refused.map(({ error }) => error.message) }
}

function priceUnknown({ shapes, region }: ShapesToRank): LlmscaleError {
  const instanceTypes = [...new Set(shapes.map((shape) => shape.instanceType))]
  return new LlmscaleError(
    'configInvalid',
    'PRICE_UNKNOWN',
    `no on-demand price is known for ${instanceTypes.join(', ')} in ${region}`,
    [
      `Add it to prices: in llmscale.yaml: {instanceType: ${instanceTypes[0]}, capacityType: on-demand, usdPerHour: …}`,
    ],
  )
}

/** A planned workload on the shape and with the cold start of a decision; where that shape is gone, as it is planned. */
export function placeAsIs(config: Config, planned: PlannedWorkload, last: WorkloadDecision): PlannedWorkload {
  const { workload, entry, capacity, shape } = planned
  const isKnown = findInstanceType(last.shape.instanceType) !== undefined
  const onLast =
    isKnown && shapeName(last.shape) !== shapeName(shape)
      ? placeCheapest(shapesToRank(config, entry, workload.region, capacity.lengths, [last.shape])).best
      : planned
  const coldStart = { ...onLast.capacity.coldStart, totalSeconds: last.coldStartSeconds }
  return { ...planned, ...onLast, capacity: { ...onLast.capacity, coldStart } }
}

/** Longest request that must fit where neither config nor metrics say, over the mean. */
const longestOverMean = 4
const longestQuantile = 0.999

interface LengthLimits {
  inputTokens?: number | undefined
  outputTokens?: number | undefined
}

function requestLengths(
  entry: Entry,
  mean: WorkloadReport['meanLengths'] | undefined,
  measured: WorkloadDemand['lengths'],
): RequestLengths {
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
  return completeLengths(mean, entry.lengthLimits ?? longestLengths(measured))
}

/** All but one request in a thousand are no longer. */
function longestLengths(measured: WorkloadDemand['lengths']): LengthLimits {
  const longest = (histogram: Histogram | undefined) => {
    const tokens = histogram && histogramQuantile(histogram, longestQuantile)
    return tokens === undefined ? undefined : Math.ceil(tokens)
  }
  return { inputTokens: longest(measured?.inputTokens), outputTokens: longest(measured?.outputTokens) }
}

/** Mean lengths with the longest request that must fit: a stated or measured one, else a multiple of the mean. */
export function completeLengths(
  mean: { inputTokens: number; outputTokens: number },
  limits: LengthLimits = {},
): RequestLengths {
  return {
    ...mean,
    maximumInputTokens: limits.inputTokens ?? Math.ceil(mean.inputTokens * longestOverMean),
    maximumOutputTokens: limits.outputTokens ?? Math.ceil(mean.outputTokens * longestOverMean),
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

/**
 * The node groups of all placed workloads, in ascending order of region and instance type; reservations that none of
 * them uses are groups without members, as they bill all the same.
 */
export function groupWorkloads(
  planned: readonly PlannedWorkload[],
  config: Config,
  reservations: readonly Reservation[] = [],
): SharedGroup[] {
  const groups = new Map<string, SharedGroup>()
  const groupOf = (region: string, instanceType: string): SharedGroup => {
    const key = `${region}/${instanceType}`
    const known = groups.get(key)
    if (known !== undefined) return known
    const created = { group: createNodeGroup(region, instanceType, config, reservations), members: [] }
    groups.set(key, created)
    return created
  }
  for (const [index, { workload, shape }] of planned.entries())
    groupOf(workload.region, shape.instanceType).members.push(index)
  for (const { region, instanceType } of reservations) groupOf(region, instanceType)
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

function createNodeGroup(
  region: string,
  instanceType: string,
  config: Config,
  reservations: readonly Reservation[],
): NodeGroup {
  const { gpu, gpusPerNode } = findInstanceType(instanceType)!
  const limits = config.poolLimits
    .map((limit, index) => ({ ...limit, field: `poolLimits[${index}].maxNodes` }))
    .filter((limit) => limit.instanceType === instanceType && (limit.region ?? region) === region)
    .sort((a, b) => a.maxNodes - b.maxNodes)
  const own = reservations.filter((each) => each.region === region && each.instanceType === instanceType)
  const capacityTypes = ['on-demand', 'spot', ...(own.length > 0 ? (['reserved'] as const) : [])] as const
  const prices = capacityTypes.flatMap((capacityType): PriceUsed[] => {
    const price = nodePrice({ instanceType, region, capacityType }, config.prices)
    return price === undefined ? [] : [{ region, instanceType, capacityType, ...price }]
  })
  return {
    region,
    instanceType,
    gpu,
    gpusPerNode,
    ...(limits[0] && { limit: { maximumNodes: limits[0].maxNodes, field: limits[0].field } }),
    reservedNodes: own.reduce((nodes, { count }) => nodes + count, 0),
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
