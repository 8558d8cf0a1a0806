import type { PersistentVolumeClaim, ServerVolume } from './cluster-object.js'
import { createMetadata } from './metadata.js'
import type { ServedWorkload } from './served-workload.js'

type Cached = Pick<ServedWorkload, 'workload' | 'serve'>

/** The claim that all pods of a workload keep weights in; none where there is one already or the cache is no claim. */
export function createModelCache({ workload, serve: { cache } }: Cached): PersistentVolumeClaim[] {
  if (cache.kind !== 'pvc' || cache.claim !== undefined) return []
  const { storageClass, sizeGiB } = cache
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: createMetadata(claimName(workload), workload.target.namespace),
      spec: {
        // Replicas on several nodes share it: EFS or FSx for Lustre, never EBS.
        accessModes: ['ReadWriteMany'],
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
        resources: { requests: { storage: `${sizeGiB}Gi` } },
      },
    },
  ]
}

/** Where a pod keeps weights. */
export function createModelVolume(name: string, { workload, serve: { cache } }: Cached): ServerVolume {
  switch (cache.kind) {
    case 'pvc':
      return { name, persistentVolumeClaim: { claimName: cache.claim ?? claimName(workload) } }
    case 'host':
      // Kubernetes would make a missing folder as root, whom the server is not.
      return { name, hostPath: { path: cache.path, type: 'Directory' } }
    case 'none':
      return { name, emptyDir: {} }
  }
}

function claimName({ target }: Cached['workload']): string {
  return `${target.name}-models`
}
