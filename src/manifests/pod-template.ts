import { findInstanceType, nodesOfReplica } from '../catalog/instance-types.js'
import type { ServerPodTemplate } from './cluster-object.js'
import { managedByLabel } from './metadata.js'
import { createModelVolume } from './model-cache.js'
import { type ServedWorkload, serverLabels, startupSeconds } from './served-workload.js'
import {
  createArguments,
  createEnvironment,
  modelFolder,
  type ServerRole,
  scratchFolder,
} from './server-arguments.js'

/** Set by LeaderWorkerSet on its pods: https://lws.sigs.k8s.io/docs/reference/labels-annotations-and-environment-variables/ */
const groupIndexLabel = 'leaderworkerset.sigs.k8s.io/group-index'
const workerIndexLabel = 'leaderworkerset.sigs.k8s.io/worker-index'

const zoneLabel = 'topology.kubernetes.io/zone'

const defaultCpusPerGpu = 2
/** Weights pass through the page cache, which needs no reservation. The smallest node with a GPU has 16 GiB. */
const defaultMemoryGiBPerGpu = 8
/** A ceiling, not a reservation: processes of one node pass tensors through it. */
const sharedMemory = '16Gi'
/** Beyond the drain: vLLM stops within seconds once nothing runs. */
const stopSeconds = 30
/** Of the name of the port. */
const port = 'http'

/** Labels of the pods that answer requests: all, or the leaders of groups. */
export function answeringLabels(served: Pick<ServedWorkload, 'workload'>): Record<string, string> {
  const labels = serverLabels(served)
  return served.workload.target.kind === 'LeaderWorkerSet' ? { ...labels, [workerIndexLabel]: '0' } : labels
}

/**
 * A pod that runs vLLM and that the `restricted` standard admits, unless weights lie on the host
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/). There is no anti-affinity: replicas that are
 * smaller than a node share it, as the plan counts them.
 */
export function createPodTemplate(served: ServedWorkload, role: ServerRole): ServerPodTemplate {
  const { workload, serve, priorityClassName } = served
  const { shape } = workload
  const nodes = nodesOfReplica(served.workload.shape)
  const fabricAdapters = nodes > 1 ? (findInstanceType(shape.instanceType)?.efaInterfaces ?? 0) : 0
  const gpus = shape.gpusPerReplica / nodes
  const drainSeconds = Math.ceil(serve.drain)
  return {
    metadata: { labels: { ...managedByLabel, ...serverLabels(served) } },
    spec: {
      ...(serve.serviceAccount === undefined ? {} : { serviceAccountName: serve.serviceAccount }),
      // Servers never ask Kubernetes anything; the token for AWS is another one, which EKS mounts all the same.
      automountServiceAccountToken: false,
      // A Service called `vllm` would set VLLM_PORT, which vLLM takes for its own (https://docs.vllm.ai/en/stable/usage/env_vars/).
      enableServiceLinks: false,
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
      terminationGracePeriodSeconds: drainSeconds + stopSeconds,
      nodeSelector: { 'node.kubernetes.io/instance-type': shape.instanceType },
      tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
      ...(nodes > 1 ? { affinity: createGroupAffinity(served) } : {}),
      ...(role === 'worker' ? {} : { topologySpreadConstraints: createZoneSpread(served) }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: serve.user,
        runAsGroup: serve.user,
        fsGroup: serve.user,
        // Else each start would walk through all files of the cache.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'vllm',
          image: serve.image,
          command: ['vllm'],
          args: createArguments(served, role),
          env: createEnvironment(served, fabricAdapters),
          ...(role === 'worker' ? {} : createEndpoint(served)),
          // No new requests come once a pod is terminating; those that run end before vLLM is told to stop.
          lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
          resources: {
            requests: {
              cpu: String(serve.cpus ?? defaultCpusPerGpu * gpus),
              memory: `${serve.memoryGiB ?? defaultMemoryGiBPerGpu * gpus}Gi`,
            },
            limits: {
              'nvidia.com/gpu': String(gpus),
              ...(fabricAdapters > 0 ? { 'vpc.amazonaws.com/efa': String(fabricAdapters) } : {}),
            },
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: serve.readOnlyRoot,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'models', mountPath: modelFolder },
            { name: 'shared-memory', mountPath: '/dev/shm' },
            { name: 'scratch', mountPath: scratchFolder },
          ],
        },
      ],
      volumes: [
        createModelVolume('models', served),
        { name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: sharedMemory } },
        { name: 'scratch', emptyDir: {} },
      ],
    },
  }
}

type Container = ServerPodTemplate['spec']['containers'][number]

/** The port and its probes: only the startup probe is patient, so that a server that hangs is restarted soon. */
function createEndpoint(
  served: ServedWorkload,
): Pick<Container, 'ports' | 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  const httpGet = { path: '/health', port }
  const startupPeriodSeconds = 10
  return {
    ports: [{ name: port, containerPort: served.serve.port, protocol: 'TCP' }],
    startupProbe: {
      httpGet,
      periodSeconds: startupPeriodSeconds,
      timeoutSeconds: 5,
      failureThreshold: startupSeconds(served) / startupPeriodSeconds,
    },
    readinessProbe: { httpGet, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    livenessProbe: { httpGet, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6 },
  }
}

/** The fabric between nodes does not leave a zone (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html). */
function createGroupAffinity(served: ServedWorkload): NonNullable<ServerPodTemplate['spec']['affinity']> {
  return {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          topologyKey: zoneLabel,
          labelSelector: { matchLabels: serverLabels(served) },
          matchLabelKeys: [groupIndexLabel],
        },
      ],
    },
  }
}

/** Soft: where only one zone has GPUs, it is better than none. */
function createZoneSpread(
  served: ServedWorkload,
): NonNullable<ServerPodTemplate['spec']['topologySpreadConstraints']> {
  return [
    {
      maxSkew: 1,
      topologyKey: zoneLabel,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: answeringLabels(served) },
    },
  ]
}
