import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectCluster } from '../cluster-client.js'
import type { ControlPlane } from '../control-plane.js'
import { eventually } from '../eventually.js'
import { freePorts } from '../free-ports.js'
import { tierFolder } from '../tiers.js'

const namespace = 'kube-system'

/** What EC2 would have; a stand-in for prices and stock, of which there is always enough. */
export interface InstanceType {
  name: string
  gpus: number
  /** Capacity type → USD per hour. */
  prices: Partial<Record<'on-demand' | 'spot', number>>
}

/**
 * Starts Karpenter's own core with its KWOK provider in the place of EC2
 * (https://github.com/kubernetes-sigs/karpenter/tree/v1.14.1/kwok); it ends with the control plane. Metrics and health
 * listen on all addresses: there is no flag for one.
 */
export async function startKarpenter(plane: ControlPlane, types: readonly InstanceType[]): Promise<void> {
  const [metricsPort, healthPort] = await freePorts(2)
  const file = join(plane.folder, 'instance-types.json')
  writeFileSync(file, JSON.stringify(types.map(describeInstanceType)))
  plane.run('karpenter', join(tierFolder('karpenter'), 'karpenter-kwok'), [], {
    KUBECONFIG: plane.kubeconfig,
    KUBERNETES_MIN_VERSION: '1.19.0-0',
    SYSTEM_NAMESPACE: namespace,
    DISABLE_LEADER_ELECTION: 'true',
    INSTANCE_TYPES_FILE_PATH: file,
    METRICS_PORT: String(metricsPort),
    HEALTH_PROBE_PORT: String(healthPort),
  })
  const { apply } = connectCluster(plane.kubeconfig)
  await apply({
    apiVersion: 'karpenter.kwok.sh/v1alpha1',
    kind: 'KWOKNodeClass',
    metadata: { name: nodeClass.name },
    spec: { nodeRegistrationDelay: '1s' },
  })
  await eventually('Karpenter', async () => {
    const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`)
    return response.ok || undefined
  })
}

/** What a NodePool refers to in the place of its EC2NodeClass, which only Karpenter for AWS launches nodes of. */
export const nodeClass = { group: 'karpenter.kwok.sh', kind: 'KWOKNodeClass', name: 'stand-in' }

function describeInstanceType({ name, gpus, prices }: InstanceType) {
  const offerings = Object.entries(prices).map(([capacityType, price]) => ({
    Price: price,
    Available: true,
    Requirements: [
      { key: 'karpenter.sh/capacity-type', operator: 'In', values: [capacityType] },
      { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['us-east-1a'] },
    ],
  }))
  return {
    name,
    offerings,
    architecture: 'amd64',
    operatingSystems: ['linux'],
    resources: {
      cpu: '192',
      memory: '2Ti',
      'ephemeral-storage': '1Ti',
      pods: '110',
      'nvidia.com/gpu': String(gpus),
    },
  }
}
