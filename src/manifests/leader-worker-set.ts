import { nodesOfReplica } from '../catalog/instance-types.js'
import type { LeaderWorkerSet } from './cluster-object.js'
import { createMetadata } from './metadata.js'
import { createPodTemplate } from './pod-template.js'
import { rolloutBounds, type ServedWorkload } from './served-workload.js'

/**
 * vLLM over several nodes a replica, one pod each; the leader answers for its group. A group whose pod dies starts
 * again as a whole, since its other pods cannot go on. It never names `replicas`, which count groups.
 */
export function createLeaderWorkerSet(served: ServedWorkload): LeaderWorkerSet {
  const { name, namespace } = served.workload.target
  return {
    apiVersion: 'leaderworkerset.x-k8s.io/v1',
    kind: 'LeaderWorkerSet',
    metadata: createMetadata(name, namespace),
    spec: {
      startupPolicy: 'LeaderCreated',
      rolloutStrategy: { type: 'RollingUpdate', rollingUpdateConfiguration: rolloutBounds(served) },
      leaderWorkerTemplate: {
        size: nodesOfReplica(served.workload.shape),
        restartPolicy: 'RecreateGroupOnPodRestart',
        leaderTemplate: createPodTemplate(served, 'leader'),
        workerTemplate: createPodTemplate(served, 'worker'),
      },
    },
  }
}
