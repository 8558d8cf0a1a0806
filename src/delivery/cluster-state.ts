import pLimit from 'p-limit'
import { LlmscaleError } from '../kit/errors.js'
import { isSameQuantity } from '../kit/quantity.js'
import type { ClusterObject } from '../manifests/cluster-object.js'
import { type LiveObject, openCluster } from './kubernetes-cluster.js'

const parallelReads = 8

/** What a cluster has of one object of ours. */
export interface ObjectReading {
  object: ClusterObject
  /** Only the fields that we set, as they are there; undefined where the object, or its kind, is not. */
  live: unknown
}

/**
 * What the cluster of a context has of the objects now, in their order. Throws what `openCluster` throws, and
 * `upstreamUnavailable`: KUBECONFIG_MISSING, CLUSTER_FORBIDDEN.
 */
export async function readCluster(
  objects: readonly ClusterObject[],
  context?: string,
): Promise<ObjectReading[]> {
  const cluster = await openCluster(context)
  if (cluster === undefined)
    throw new LlmscaleError('upstreamUnavailable', 'KUBECONFIG_MISSING', 'There is no kubeconfig.', [
      'Set KUBECONFIG, or make ~/.kube/config.',
    ])
  const limit = pLimit(parallelReads)
  return Promise.all(
    objects.map((object) =>
      limit(async () => ({
        object,
        live: pickFields(await cluster.read(object as unknown as LiveObject), object),
      })),
    ),
  )
}

/**
 * The part of a value that `wanted` has too. Elements of a list go together by name, or by place where they have none;
 * a list of another length that has no names is taken whole. A quantity that the server writes in another way, 1Ti for
 * 1024Gi, is the one that we wrote.
 */
export function pickFields(live: unknown, wanted: unknown): unknown {
  if (Array.isArray(wanted) && Array.isArray(live)) {
    const named = [...wanted, ...live].every((each) => nameOf(each) !== undefined)
    if (named)
      return wanted.flatMap((each) => {
        const found = live.find((other) => nameOf(other) === nameOf(each))
        return found === undefined ? [] : [pickFields(found, each)]
      })
    return live.length === wanted.length ? live.map((each, index) => pickFields(each, wanted[index])) : live
  }
  if (!isRecord(wanted) || !isRecord(live)) return isSameQuantity(live, wanted) ? wanted : live
  return Object.fromEntries(
    Object.keys(wanted)
      .filter((key) => live[key] !== undefined)
      .map((key) => [key, pickFields(live[key], wanted[key])]),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function nameOf(value: unknown): unknown {
  return isRecord(value) ? value['name'] : undefined
}
