import { dnsName } from '../kit/names.js'
import type { Pool } from '../planning/capacity-plan.js'
import type { NodePool } from './cluster-object.js'
import { createMetadata, managedByLabel } from './metadata.js'

/** The EC2NodeClass that the cluster's owners provide; Karpenter's own examples call it so too. */
const nodeClassName = 'default'

/**
 * A Karpenter NodePool that holds one pool's limit. Karpenter fills pools of higher weight first; a `reserved` pool
 * needs an EC2NodeClass that selects the reservation.
 */
export function createNodePool(pool: Pool, environment: string): NodePool {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: createMetadata(nodePoolName(pool, environment)),
    spec: {
      weight: pool.weight,
      limits: {
        nodes: String(pool.maximumNodes),
        'nvidia.com/gpu': String(pool.maximumNodes * pool.gpusPerNode),
      },
      disruption: {
        // Replicas take minutes to load weights: never move one to save money, only return what stands empty.
        consolidationPolicy: 'WhenEmpty',
        consolidateAfter: '5m',
        budgets: [
          { nodes: '100%', reasons: ['Empty'] },
          { nodes: '1', reasons: ['Underutilized', 'Drifted'] },
        ],
      },
      template: {
        metadata: { labels: { ...managedByLabel } },
        spec: {
          nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: nodeClassName },
          // Expiry ignores budgets and would drain serving nodes; a new image reaches them as drift, one at a time.
          expireAfter: 'Never',
          requirements: [
            { key: 'node.kubernetes.io/instance-type', operator: 'In', values: [pool.instanceType] },
            { key: 'karpenter.sh/capacity-type', operator: 'In', values: [pool.capacityType] },
          ],
          // Keeps pods without GPUs off; GPU pods tolerate it, by the ExtendedResourceToleration admission plug-in too.
          taints: [{ key: 'nvidia.com/gpu', value: 'true', effect: 'NoSchedule' }],
        },
      },
    },
  }
}

function nodePoolName(pool: Pool, environment: string): string {
  return dnsName(`${environment}-${pool.instanceType}-${pool.capacityType}`)
}
