import type { Service } from './cluster-object.js'
import { createMetadata } from './metadata.js'
import { answeringLabels } from './pod-template.js'
import type { ServedWorkload } from './served-workload.js'

/**
 * Where clients reach a workload, on the port of its servers. A LeaderWorkerSet has a headless Service of its own
 * name, by which its pods find each other; ours is then `<name>-leader`.
 */
export function createService(served: ServedWorkload): Service {
  const { kind, name, namespace } = served.workload.target
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: createMetadata(kind === 'LeaderWorkerSet' ? `${name}-leader` : name, namespace),
    spec: {
      type: 'ClusterIP',
      selector: answeringLabels(served),
      ports: [{ name: 'http', port: served.serve.port, targetPort: 'http', protocol: 'TCP' }],
    },
  }
}
