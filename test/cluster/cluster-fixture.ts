import { afterAll, beforeAll } from 'vitest'
import { type ClusterClient, connectCluster, type ObjectReference } from './cluster-client.js'
import { type ControlPlane, startControlPlane } from './control-plane.js'

export interface Cluster extends ClusterClient {
  plane: ControlPlane
  /** Applies objects, with the namespaces that they name. */
  applyAll(objects: readonly ObjectReference[]): Promise<void>
}

/** A control plane for the tests of a suite; the value is there once they run. */
export function useCluster(): { readonly current: Cluster } {
  let cluster: Cluster | undefined
  beforeAll(async () => {
    const plane = await startControlPlane()
    const client = connectCluster(plane.kubeconfig)
    cluster = {
      ...client,
      plane,
      applyAll: async (objects) => {
        for (const name of new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? [])))
          await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
        for (const object of objects) await client.apply(object)
      },
    }
  })
  afterAll(() => cluster?.plane.stop())
  return {
    get current() {
      return cluster!
    },
  }
}
