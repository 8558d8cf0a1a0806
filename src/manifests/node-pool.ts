import type { Environment } from '../config/environment.js'
import { dnsName } from '../kit/names.js'
import type { Pool, WorkloadDecision } from '../planning/capacity-plan.js'
import { findBusyHours } from './busy-hours.js'
import type { NodeDisruptionBudget, NodePool } from './cluster-object.js'
import { nodeClassName } from './ec2-node-class.js'
import { createMetadata, managedByLabel } from './metadata.js'

interface NodePoolContext {
  environment: string
  settings: Environment
  /** Those whose replicas run on nodes of the pool's instance type, in its region. */
  workloads: readonly WorkloadDecision[]
  /** Whether each of them bears to lose a pod: it has a disruption budget and always a second replica. */
  bearsMoves: boolean
}

/**
 * A Karpenter NodePool that holds one pool's limit. Karpenter fills pools of higher weight first; a `reserved` pool
 * needs an EC2NodeClass that selects the reservation.
 */
export function createNodePool(pool: Pool, context: NodePoolContext): NodePool {
  const { environment, settings, workloads, bearsMoves } = context
  const zones = settings.clusters[pool.region]?.zones
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
        // A replica takes minutes to load its weights: one is moved off a half-empty node only where another serves.
        consolidationPolicy: bearsMoves ? 'WhenEmptyOrUnderutilized' : 'WhenEmpty',
        consolidateAfter: '5m',
        budgets: [
          { nodes: '100%', reasons: ['Empty'] },
          { nodes: '1', reasons: ['Underutilized', 'Drifted'] },
          ...findBusyHours(workloads).map(
            ({ schedule, hours }): NodeDisruptionBudget => ({
              nodes: '0',
              reasons: ['Underutilized', 'Drifted'],
              schedule,
              duration: `${hours}h`,
            }),
          ),
        ],
      },
      template: {
        metadata: { labels: { ...managedByLabel } },
        spec: {
          nodeClassRef: {
            group: 'karpenter.k8s.aws',
            kind: 'EC2NodeClass',
            name: nodeClassName(environment, settings),
          },
          // Expiry ignores budgets and would drain serving nodes; a new image reaches them as drift, one at a time.
          expireAfter: 'Never',
          requirements: [
            { key: 'node.kubernetes.io/instance-type', operator: 'In', values: [pool.instanceType] },
            { key: 'karpenter.sh/capacity-type', operator: 'In', values: [pool.capacityType] },
            ...(zones === undefined
              ? []
              : [
                  {
                    key: 'topology.kubernetes.io/zone',
                    operator: 'In' as const,
                    values: [...new Set(zones)].sort(),
                  },
                ]),
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
