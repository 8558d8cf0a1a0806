// The Kubernetes objects that we write, as plain values: only the fields that we set.

export interface ObjectMeta {
  name: string
  namespace?: string
  labels: Record<string, string>
  annotations?: Record<string, string>
}

export interface ScaleTargetRef {
  apiVersion: string
  kind: string
  name: string
}

export interface CronTrigger {
  type: 'cron'
  /** `start` and `end` are five-field cron expressions in `timezone`; KEDA wants `desiredReplicas` as text. */
  metadata: { timezone: string; start: string; end: string; desiredReplicas: string }
}

export interface PrometheusTrigger {
  type: 'prometheus'
  name: string
  /** Fallback works for AverageValue and Value only. */
  metricType: 'AverageValue'
  metadata: { serverAddress: string; query: string; threshold: string; ignoreNullValues: 'false' }
}

interface ScalingRules {
  stabilizationWindowSeconds: number
  selectPolicy: 'Max'
  policies: { type: 'Pods' | 'Percent'; value: number; periodSeconds: number }[]
  /** A quantity; relative to the metric's target. */
  tolerance?: string
}

export interface ScalingBehavior {
  scaleUp: ScalingRules
  scaleDown: ScalingRules
}

/** https://keda.sh/docs/2.21/reference/scaledobject-spec/ */
export interface ScaledObject {
  apiVersion: 'keda.sh/v1alpha1'
  kind: 'ScaledObject'
  metadata: ObjectMeta
  spec: {
    scaleTargetRef: ScaleTargetRef
    minReplicaCount: number
    maxReplicaCount: number
    fallback: { failureThreshold: number; replicas: number; behavior: 'currentReplicasIfHigher' }
    advanced: {
      horizontalPodAutoscalerConfig: { behavior: ScalingBehavior }
    }
    triggers: (CronTrigger | PrometheusTrigger)[]
  }
}

/** An amount of a metric: the mean over pods, or the metric as it is. */
type MetricTarget = { type: 'AverageValue'; averageValue: string } | { type: 'Value'; value: string }

export type HpaMetric =
  | {
      type: 'Resource'
      resource: { name: 'cpu' | 'memory'; target: { type: 'Utilization'; averageUtilization: number } }
    }
  | { type: 'Pods'; pods: { metric: { name: string }; target: MetricTarget } }
  | {
      type: 'External'
      external: {
        metric: { name: string; selector: { matchLabels: Record<string, string> } }
        target: MetricTarget
      }
    }

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/ */
export interface HorizontalPodAutoscaler {
  apiVersion: 'autoscaling/v2'
  kind: 'HorizontalPodAutoscaler'
  metadata: ObjectMeta
  spec: {
    scaleTargetRef: ScaleTargetRef
    minReplicas: number
    maxReplicas: number
    behavior: ScalingBehavior
    metrics: HpaMetric[]
  }
}

/** https://kubernetes.io/docs/tasks/run-application/configure-pdb/ */
export interface PodDisruptionBudget {
  apiVersion: 'policy/v1'
  kind: 'PodDisruptionBudget'
  metadata: ObjectMeta
  spec: { maxUnavailable: string | number; selector: { matchLabels: Record<string, string> } }
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/ */
export interface PriorityClass {
  apiVersion: 'scheduling.k8s.io/v1'
  kind: 'PriorityClass'
  metadata: ObjectMeta
  value: number
  globalDefault: false
  description: string
}

/** One of: an id, or tags that it has. */
type SelectorTerm = { id: string } | { tags: Record<string, string> }

/** https://karpenter.sh/docs/concepts/nodeclasses/ */
export interface Ec2NodeClass {
  apiVersion: 'karpenter.k8s.aws/v1'
  kind: 'EC2NodeClass'
  metadata: ObjectMeta
  spec: {
    role: string
    amiSelectorTerms: { alias: string }[]
    subnetSelectorTerms: SelectorTerm[]
    securityGroupSelectorTerms: SelectorTerm[]
    capacityReservationSelectorTerms?: SelectorTerm[]
    blockDeviceMappings: {
      deviceName: string
      rootVolume?: true
      ebs: { volumeSize: string; volumeType: 'gp3'; encrypted: true; deleteOnTermination: true }
    }[]
    tags: Record<string, string>
  }
}

/** Hours in which fewer nodes may be disrupted; the strictest of all that are active counts. */
export interface NodeDisruptionBudget {
  nodes: string
  reasons: ('Empty' | 'Underutilized' | 'Drifted')[]
  /** Five-field cron expression in UTC, together with `duration`. */
  schedule?: string
  duration?: string
}

/** https://karpenter.sh/docs/concepts/nodepools/ */
export interface NodePool {
  apiVersion: 'karpenter.sh/v1'
  kind: 'NodePool'
  metadata: ObjectMeta
  spec: {
    weight: number
    limits: { nodes: string; 'nvidia.com/gpu': string }
    disruption: {
      consolidationPolicy: 'WhenEmpty' | 'WhenEmptyOrUnderutilized'
      consolidateAfter: string
      budgets: NodeDisruptionBudget[]
    }
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        nodeClassRef: { group: 'karpenter.k8s.aws'; kind: 'EC2NodeClass'; name: string }
        expireAfter: 'Never'
        requirements: { key: string; operator: 'In'; values: string[] }[]
        taints: { key: string; value: string; effect: 'NoSchedule' }[]
      }
    }
  }
}

/** https://kubernetes.io/docs/concepts/services-networking/service/ */
export interface Service {
  apiVersion: 'v1'
  kind: 'Service'
  metadata: ObjectMeta
  spec: {
    type: 'ClusterIP'
    selector: Record<string, string>
    ports: { name: string; port: number; targetPort: string; protocol: 'TCP' }[]
  }
}

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/ */
export interface PersistentVolumeClaim {
  apiVersion: 'v1'
  kind: 'PersistentVolumeClaim'
  metadata: ObjectMeta
  spec: {
    accessModes: ['ReadWriteMany']
    storageClassName?: string
    resources: { requests: { storage: string } }
  }
}

interface HttpProbe {
  httpGet: { path: string; port: string }
  periodSeconds: number
  timeoutSeconds: number
  failureThreshold: number
}

export type EnvironmentVariable =
  | { name: string; value: string }
  | { name: string; valueFrom: { secretKeyRef: { name: string; key: string } } }

export type ServerVolume =
  | { name: string; persistentVolumeClaim: { claimName: string } }
  | { name: string; hostPath: { path: string; type: 'Directory' } }
  | { name: string; emptyDir: { medium?: 'Memory'; sizeLimit?: string } }

/** Pods that run a model server: https://kubernetes.io/docs/concepts/workloads/pods/ */
export interface ServerPodTemplate {
  metadata: Pick<ObjectMeta, 'labels'>
  spec: {
    serviceAccountName?: string
    automountServiceAccountToken: false
    enableServiceLinks: false
    priorityClassName?: string
    terminationGracePeriodSeconds: number
    nodeSelector: Record<string, string>
    tolerations: { key: string; operator: 'Exists'; effect: 'NoSchedule' }[]
    affinity?: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          topologyKey: string
          labelSelector: { matchLabels: Record<string, string> }
          matchLabelKeys: string[]
        }[]
      }
    }
    topologySpreadConstraints?: {
      maxSkew: number
      topologyKey: string
      whenUnsatisfiable: 'ScheduleAnyway'
      labelSelector: { matchLabels: Record<string, string> }
    }[]
    securityContext: {
      runAsNonRoot: true
      runAsUser: number
      runAsGroup: number
      fsGroup: number
      fsGroupChangePolicy: 'OnRootMismatch'
      seccompProfile: { type: 'RuntimeDefault' }
    }
    containers: {
      name: string
      image: string
      command: string[]
      args: string[]
      env: EnvironmentVariable[]
      ports?: { name: string; containerPort: number; protocol: 'TCP' }[]
      startupProbe?: HttpProbe
      readinessProbe?: HttpProbe
      livenessProbe?: HttpProbe
      lifecycle: { preStop: { sleep: { seconds: number } } }
      resources: { requests: Record<string, string>; limits: Record<string, string> }
      securityContext: {
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: boolean
        capabilities: { drop: ['ALL'] }
      }
      volumeMounts: { name: string; mountPath: string }[]
    }[]
    volumes: ServerVolume[]
  }
}

/** Without `replicas`: they belong to the autoscaler. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
export interface Deployment {
  apiVersion: 'apps/v1'
  kind: 'Deployment'
  metadata: ObjectMeta
  spec: {
    selector: { matchLabels: Record<string, string> }
    strategy: {
      type: 'RollingUpdate'
      rollingUpdate: { maxSurge: string | number; maxUnavailable: string | number }
    }
    progressDeadlineSeconds: number
    revisionHistoryLimit: number
    template: ServerPodTemplate
  }
}

/** Without `replicas`, which count groups. https://lws.sigs.k8s.io/docs/reference/leaderworkerset.v1/ */
export interface LeaderWorkerSet {
  apiVersion: 'leaderworkerset.x-k8s.io/v1'
  kind: 'LeaderWorkerSet'
  metadata: ObjectMeta
  spec: {
    startupPolicy: 'LeaderCreated'
    rolloutStrategy: {
      type: 'RollingUpdate'
      rollingUpdateConfiguration: { maxSurge: string | number; maxUnavailable: string | number }
    }
    leaderWorkerTemplate: {
      /** Pods of a group: its nodes. */
      size: number
      restartPolicy: 'RecreateGroupOnPodRestart'
      leaderTemplate: ServerPodTemplate
      workerTemplate: ServerPodTemplate
    }
  }
}

/** What runs and reaches a workload's servers in own mode. */
export type ServerObject = PersistentVolumeClaim | Service | Deployment | LeaderWorkerSet

/** What a plan becomes. */
export type ClusterObject =
  | ScaledObject
  | HorizontalPodAutoscaler
  | PodDisruptionBudget
  | PriorityClass
  | Ec2NodeClass
  | NodePool
  | ServerObject

/** https://kubernetes.io/docs/concepts/security/service-accounts/ */
export interface ServiceAccount {
  apiVersion: 'v1'
  kind: 'ServiceAccount'
  metadata: ObjectMeta
  automountServiceAccountToken: false
}

/** https://kubernetes.io/docs/concepts/configuration/configmap/ */
export interface ConfigMap {
  apiVersion: 'v1'
  kind: 'ConfigMap'
  metadata: ObjectMeta
  data: Record<string, string>
}

interface ComputeResources {
  cpu: string
  memory: string
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ */
export interface CronJob {
  apiVersion: 'batch/v1'
  kind: 'CronJob'
  metadata: ObjectMeta
  spec: {
    schedule: string
    timeZone: 'Etc/UTC'
    concurrencyPolicy: 'Forbid'
    startingDeadlineSeconds: number
    successfulJobsHistoryLimit: number
    failedJobsHistoryLimit: number
    jobTemplate: {
      metadata: Pick<ObjectMeta, 'labels'>
      spec: {
        backoffLimit: number
        activeDeadlineSeconds: number
        ttlSecondsAfterFinished: number
        template: { metadata: Pick<ObjectMeta, 'labels' | 'annotations'>; spec: OwnPod }
      }
    }
  }
}

/** A pod that runs llmscale. */
export interface OwnPod {
  serviceAccountName: string
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: 'Never' | 'Always'
  topologySpreadConstraints?: ServerPodTemplate['spec']['topologySpreadConstraints']
  securityContext: {
    runAsNonRoot: true
    runAsUser: number
    runAsGroup: number
    fsGroup: number
    seccompProfile: { type: 'RuntimeDefault' }
  }
  containers: {
    name: string
    image: string
    command: string[]
    args: string[]
    workingDir: string
    env: { name: string; value: string }[]
    envFrom?: { secretRef: { name: string } }[]
    ports?: { name: string; containerPort: number; protocol: 'TCP' }[]
    livenessProbe?: HttpProbe
    readinessProbe?: HttpProbe
    resources: { requests: ComputeResources; limits: ComputeResources }
    securityContext: {
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: { drop: ['ALL'] }
    }
    volumeMounts: { name: string; mountPath: string; subPath?: string; readOnly?: true }[]
  }[]
  volumes: (
    | { name: string; configMap: { name: string } }
    | { name: string; secret: { secretName: string; defaultMode: number } }
    | { name: string; emptyDir: { sizeLimit: string } }
    | { name: string; persistentVolumeClaim: { claimName: string } }
  )[]
}

/** A job whose pods know which of `completions` parts is theirs: https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/ */
export interface IndexedJob {
  apiVersion: 'batch/v1'
  kind: 'Job'
  metadata: ObjectMeta
  spec: {
    completionMode: 'Indexed'
    completions: number
    parallelism: number
    backoffLimitPerIndex: number
    activeDeadlineSeconds: number
    ttlSecondsAfterFinished: number
    template: { metadata: Pick<ObjectMeta, 'labels' | 'annotations'>; spec: OwnPod }
  }
}

/** What the collector becomes. */
export type CollectorObject = ServiceAccount | ConfigMap | CronJob

/** https://kubernetes.io/docs/concepts/services-networking/network-policies/ */
export interface NetworkPolicy {
  apiVersion: 'networking.k8s.io/v1'
  kind: 'NetworkPolicy'
  metadata: ObjectMeta
  spec: {
    podSelector: { matchLabels: Record<string, string> }
    policyTypes: ('Ingress' | 'Egress')[]
    ingress: { from: NetworkPeer[]; ports: NetworkPort[] }[]
    egress: { to?: NetworkPeer[]; ports?: NetworkPort[] }[]
  }
}
/** Empty labels select all namespaces. */
type NetworkPeer =
  | { namespaceSelector: { matchLabels?: Record<string, string> } }
  | { ipBlock: { cidr: string } }
export interface NetworkPort {
  protocol: 'TCP' | 'UDP'
  port: number | string
}

/** https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.ServiceMonitor */
export interface ServiceMonitor {
  apiVersion: 'monitoring.coreos.com/v1'
  kind: 'ServiceMonitor'
  metadata: ObjectMeta
  spec: {
    selector: { matchLabels: Record<string, string> }
    endpoints: { port: string; path: string; interval: string; scrapeTimeout: string; honorLabels: true }[]
  }
}

export interface AlertRule {
  alert: string
  expr: string
  for: string
  labels: Record<string, string>
  annotations: { summary: string; description: string }
}

/** https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRule */
export interface PrometheusRule {
  apiVersion: 'monitoring.coreos.com/v1'
  kind: 'PrometheusRule'
  metadata: ObjectMeta
  spec: { groups: { name: string; rules: AlertRule[] }[] }
}

/** The Deployment of our own exporter, which no autoscaler drives. */
export interface ExporterDeployment {
  apiVersion: 'apps/v1'
  kind: 'Deployment'
  metadata: ObjectMeta
  spec: {
    replicas: number
    selector: { matchLabels: Record<string, string> }
    strategy: { type: 'RollingUpdate'; rollingUpdate: { maxSurge: number; maxUnavailable: number } }
    revisionHistoryLimit: number
    template: { metadata: Pick<ObjectMeta, 'labels' | 'annotations'>; spec: OwnPod }
  }
}

/** What the exporter of live floors becomes. */
export type ExporterObject =
  | ServiceAccount
  | ConfigMap
  | ExporterDeployment
  | Service
  | PodDisruptionBudget
  | NetworkPolicy
  | ServiceMonitor
  | PrometheusRule

/** What a forecast in shards becomes. */
export type ForecastJobObject = ConfigMap | IndexedJob
