import type { PolicyResource } from './policy.js'
import { isBlock, items, property, text } from './properties.js'

/** A container of a pod, as its object states it. */
export type Container = Readonly<Record<string, unknown>>

/** The pods of one template of an object. */
export interface Pods {
  /** How people call it: `Deployment chat-70b`. */
  subject: string
  namespace: string
  labels: Readonly<Record<string, unknown>>
  spec: Readonly<Record<string, unknown>>
  /** True for those of a Deployment, StatefulSet, Rollout or LeaderWorkerSet: they serve. */
  serves: boolean
  /** False for the followers of a LeaderWorkerSet: only its leader answers requests. */
  answers: boolean
}

const serverKinds = ['Deployment', 'StatefulSet', 'Rollout', 'LeaderWorkerSet']
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  Rollout: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

/** The pods that Kubernetes makes of the resources. */
export function findPods(resources: readonly PolicyResource[]): Pods[] {
  return resources.flatMap(({ properties, name: resourceName }) => {
    const kind = text(property(properties, 'kind'))
    const pods = (template: unknown, answers: boolean, role = ''): Pods[] => {
      const spec = property(template, 'spec')
      if (!isBlock(spec)) return []
      const labels = property(template, 'metadata', 'labels')
      return [
        {
          subject: `${kind} ${text(property(properties, 'metadata', 'name')) || resourceName}${role}`,
          namespace: text(property(properties, 'metadata', 'namespace')) || 'default',
          labels: isBlock(labels) ? labels : {},
          spec,
          serves: serverKinds.includes(kind),
          answers,
        },
      ]
    }
    if (kind === 'LeaderWorkerSet') {
      const leader = property(properties, 'spec', 'leaderWorkerTemplate', 'leaderTemplate')
      const worker = property(properties, 'spec', 'leaderWorkerTemplate', 'workerTemplate')
      // Without a template of its own the leader is made of the workers'.
      return leader === undefined
        ? pods(worker, true)
        : [...pods(leader, true, ' (leader)'), ...pods(worker, false, ' (workers)')]
    }
    const path = templatePaths[kind]
    return path === undefined ? [] : pods(property(properties, ...path), true)
  })
}

/** Pods that serve; what is asked of servers is not asked of jobs. */
export function findServers(resources: readonly PolicyResource[]): Pods[] {
  return findPods(resources).filter(({ serves }) => serves)
}

/** Containers that run as long as the pod. */
export function mainContainers({ spec }: Pods): Container[] {
  return items(spec['containers']).filter(isBlock)
}

/** All of them, those that only prepare or debug the pod too. */
export function allContainers({ spec }: Pods): Container[] {
  return ['initContainers', 'containers', 'ephemeralContainers'].flatMap((key) =>
    items(spec[key]).filter(isBlock),
  )
}

/** The containers that serve the model: those with GPUs, else the first. */
export function serverContainers(pods: Pods): Container[] {
  const main = mainContainers(pods)
  const withGpu = main.filter((container) => requested(container, 'nvidia.com/gpu') !== undefined)
  return withGpu.length > 0 ? withGpu : main.slice(0, 1)
}

/** What a container asks for; a limit without a request is one: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ */
export function requested(container: Container, resource: string): unknown {
  return (
    property(container, 'resources', 'requests', resource) ??
    property(container, 'resources', 'limits', resource)
  )
}
