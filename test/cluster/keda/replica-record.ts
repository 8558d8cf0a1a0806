import type { Cluster } from '../cluster-fixture.js'

interface ReplicaSample {
  /** Unix seconds. */
  at: number
  replicas: number
  ready: number
}

export interface ReplicaRecord {
  samples: readonly ReplicaSample[]
  /** Unix seconds at which so many replicas were first seen ready. */
  readyAt(count: number): number | undefined
  stop(): Promise<void>
}

/** Writes down the replicas of a Deployment five times a second, while tests do other things. */
export function recordReplicas(
  { apps }: Cluster,
  target: { name: string; namespace: string },
): ReplicaRecord {
  const samples: ReplicaSample[] = []
  let isStopped = false
  const record = async () => {
    while (!isStopped) {
      const { spec, status } = await apps.readNamespacedDeployment(target)
      const at = Date.now() / 1000
      samples.push({ at, replicas: spec?.replicas ?? 0, ready: status?.readyReplicas ?? 0 })
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  const recording = record()
  return {
    samples,
    readyAt: (count) => samples.find(({ ready }) => ready >= count)?.at,
    stop: async () => {
      isStopped = true
      await recording
    },
  }
}
