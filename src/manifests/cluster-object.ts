// The Kubernetes objects that we write, as plain values: only the fields that we set.

export interface ObjectMeta {
  name: string
  namespace?: string
  labels: Record<string, string>
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
      horizontalPodAutoscalerConfig: { behavior: { scaleUp: ScalingRules; scaleDown: ScalingRules } }
    }
    triggers: (CronTrigger | PrometheusTrigger)[]
  }
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
      consolidationPolicy: 'WhenEmpty'
      consolidateAfter: string
      budgets: { nodes: string; reasons: ('Empty' | 'Underutilized' | 'Drifted')[] }[]
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

export type ClusterObject = ScaledObject | NodePool
