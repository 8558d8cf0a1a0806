import { type GpuShape, shapeName } from '../catalog/gpu-shape.js'
import { findInstanceType } from '../catalog/instance-types.js'
import { type NodePrice, nodePrice, type PriceOverride } from '../catalog/prices.js'
import { LlmscaleError } from '../kit/errors.js'
import type { ReplicaCapacity } from '../sizing/replica-capacity.js'
import { type ReplicaToSize, sizeReplica } from '../sizing/size-replica.js'
import { nodesPerReplica } from './node-group.js'

/** A replica to size in one region, and the shapes to try it on. */
export interface ShapesToRank extends Omit<ReplicaToSize, 'shape'> {
  region: string
  shapes: readonly GpuShape[]
  /** Stand over the catalogue's. */
  prices: readonly PriceOverride[]
}

/** What a replica carries on a shape, and what that costs on demand; null where no price is known. */
export interface RankedShape {
  capacity: ReplicaCapacity
  price: ReplicaPrice | null
}

/** On demand; per request at the load that the replica carries. */
interface ReplicaPrice extends Omit<NodePrice, 'usdPerHour'> {
  usdPerNodeHour: number
  usdPerReplicaHour: number
  usdPerThousandRequests: number
  /** Input and output tokens together. */
  usdPerMillionTokens: number
}

/** Shapes in the order of the price of a request, unknown prices last, and why others were refused. */
export interface ShapeRanking {
  shapes: RankedShape[]
  refused: { name: string; error: LlmscaleError }[]
}

/**
 * Sizes a replica on every shape, cheapest request first.
 * Throws what sizing throws where it refuses the only shape, and `infeasible`, NO_SHAPE_FITS where it refuses several
 * and none is left.
 */
export function rankShapes(wanted: ShapesToRank): ShapeRanking {
  const { region, prices, ...replica } = wanted
  const shapes: RankedShape[] = []
  const refused: ShapeRanking['refused'] = []
  for (const shape of wanted.shapes) {
    try {
      const capacity = sizeReplica({ ...replica, shape })
      const node = nodePrice({ ...shape, region, capacityType: 'on-demand' }, prices)
      shapes.push({ capacity, price: node === undefined ? null : priceReplica(capacity, node) })
    } catch (error) {
      if (!(error instanceof LlmscaleError)) throw error
      refused.push({ name: shapeName(shape), error })
    }
  }
  if (shapes.length === 0) throw noShapeFits(wanted, refused)
  const cost = ({ price }: RankedShape) => price?.usdPerThousandRequests ?? Number.POSITIVE_INFINITY
  return { shapes: shapes.sort((a, b) => (cost(a) === cost(b) ? 0 : cost(a) - cost(b))), refused }
}

function priceReplica(capacity: ReplicaCapacity, node: NodePrice): ReplicaPrice {
  const { shape, requestsPerSecond, lengths } = capacity
  const nodes = nodesPerReplica(shape.gpusPerReplica, findInstanceType(shape.instanceType)!.gpusPerNode)
  const usdPerReplicaHour = node.usdPerHour * nodes
  const usdPerRequest = usdPerReplicaHour / 3600 / requestsPerSecond
  return {
    usdPerNodeHour: node.usdPerHour,
    usdPerReplicaHour,
    usdPerThousandRequests: 1000 * usdPerRequest,
    usdPerMillionTokens: (1e6 * usdPerRequest) / (lengths.inputTokens + lengths.outputTokens),
    provenance: node.provenance,
    source: node.source,
    asOf: node.asOf,
  }
}

function noShapeFits({ modelName, region }: ShapesToRank, refused: ShapeRanking['refused']): LlmscaleError {
  if (refused.length === 1) return refused[0]!.error
  return new LlmscaleError(
    'infeasible',
    'NO_SHAPE_FITS',
    `${modelName} in ${region} fits none of ${refused.length} shapes:\n${refused.map(({ error }) => `  ${error.message}`).join('\n')}`,
    [...new Set(refused.flatMap(({ error }) => error.tryThis))],
  )
}
