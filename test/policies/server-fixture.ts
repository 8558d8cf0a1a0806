const labels = { app: 'chat-70b' }
const probe = { httpGet: { path: '/health', port: 8000 } }

/** A container that breaks no rule; every field may be given. */
export function container(fields: object = {}): Record<string, unknown> {
  return {
    name: 'server',
    image: 'vllm/vllm-openai:v0.11.0',
    args: ['--max-num-batched-tokens', '8192', '--tokenizer', 'mistral'],
    env: [{ name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: 'hugging-face', key: 'token' } } }],
    resources: {
      requests: { cpu: '8', memory: '64Gi' },
      limits: { 'nvidia.com/gpu': '4' },
    },
    startupProbe: probe,
    readinessProbe: probe,
    livenessProbe: probe,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    ...fields,
  }
}

function pod(fields: object = {}, containerFields: object = {}) {
  return {
    metadata: { labels },
    spec: { priorityClassName: 'llmscale-chat', containers: [container(containerFields)], ...fields },
  }
}

/** A Deployment that breaks no rule; fields of its pod and of its container may be given. */
export function deployment(fields: { pod?: object; container?: object } = {}): Record<string, unknown> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'chat-70b', namespace: 'serving' },
    spec: { selector: { matchLabels: labels }, template: pod(fields.pod, fields.container) },
  }
}

/** A LeaderWorkerSet that breaks no rule: its workers have no probes. */
export function leaderWorkerSet(fields: { leader?: object; worker?: object } = {}): Record<string, unknown> {
  const silent = { startupProbe: undefined, readinessProbe: undefined, livenessProbe: undefined }
  return {
    apiVersion: 'leaderworkerset.x-k8s.io/v1',
    kind: 'LeaderWorkerSet',
    metadata: { name: 'chat-405b', namespace: 'serving' },
    spec: {
      leaderWorkerTemplate: {
        size: 2,
        leaderTemplate: pod({}, fields.leader),
        workerTemplate: pod({}, { ...silent, ...fields.worker }),
      },
    },
  }
}

/** Selects the pods of both. */
export function disruptionBudget(spec: object = {}): Record<string, unknown> {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'chat-70b', namespace: 'serving' },
    spec: { maxUnavailable: 1, selector: { matchLabels: labels }, ...spec },
  }
}
