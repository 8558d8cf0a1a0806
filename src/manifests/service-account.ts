import type { ServiceAccount } from './cluster-object.js'
import { createMetadata } from './metadata.js'

/** Its role is bound from outside, by an EKS Pod Identity association or an annotation that we leave alone. */
export function createServiceAccount({
  serviceAccount,
  namespace,
}: {
  serviceAccount: string
  namespace: string
}): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: createMetadata(serviceAccount, namespace),
    automountServiceAccountToken: false,
  }
}
