import type { Deployment } from './cluster-object.js'
import { createMetadata } from './metadata.js'
import { createPodTemplate } from './pod-template.js'
import { rolloutBounds, type ServedWorkload, serverLabels, startupSeconds } from './served-workload.js'

/** vLLM on one node a replica. It never names `replicas`: they belong to the autoscaler. */
export function createDeployment(served: ServedWorkload): Deployment {
  const { name, namespace } = served.workload.target
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: createMetadata(name, namespace),
    spec: {
      selector: { matchLabels: serverLabels(served) },
      strategy: { type: 'RollingUpdate', rollingUpdate: rolloutBounds(served) },
      // A node must come first: the default of ten minutes would call a sound rollout stuck.
      progressDeadlineSeconds: 2 * startupSeconds(served),
      revisionHistoryLimit: 3,
      template: createPodTemplate(served, 'server'),
    },
  }
}
