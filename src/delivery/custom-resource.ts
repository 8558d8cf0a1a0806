/** API group of a custom resource → how a cluster comes to know it. */
const installations: Record<string, { name: string; command: string; instead?: string }> = {
  'keda.sh': {
    name: 'KEDA',
    command:
      'helm install keda keda --repo https://kedacore.github.io/charts --namespace keda --create-namespace',
    instead: 'autoscaler: hpa in llmscale.yaml',
  },
  'karpenter.sh': {
    name: 'Karpenter',
    command:
      'helm install karpenter-crd oci://public.ecr.aws/karpenter/karpenter-crd --namespace kube-system, then the chart karpenter',
    instead: 'nodes.manager: managed-node-groups in llmscale.yaml',
  },
  'karpenter.k8s.aws': {
    name: 'Karpenter for AWS',
    command:
      'helm install karpenter-crd oci://public.ecr.aws/karpenter/karpenter-crd --namespace kube-system, then the chart karpenter',
    instead: 'nodes.manager: managed-node-groups in llmscale.yaml',
  },
  'leaderworkerset.x-k8s.io': {
    name: 'LeaderWorkerSet',
    command:
      'kubectl apply --server-side -f https://github.com/kubernetes-sigs/lws/releases/latest/download/manifests.yaml',
  },
  'argoproj.io': {
    name: 'Argo Rollouts',
    command:
      'kubectl apply -n argo-rollouts -f https://github.com/argoproj/argo-rollouts/releases/latest/download/install.yaml',
  },
  'monitoring.coreos.com': {
    name: 'the Prometheus operator',
    command:
      'helm install prometheus-operator-crds prometheus-operator-crds --repo https://prometheus-community.github.io/helm-charts',
  },
}

/** What to do where a cluster does not know a kind, e.g. of `keda.sh/v1alpha1`. */
export function explainMissingKind(apiVersion: string): string {
  const installation = installations[apiVersion.split('/')[0]!]
  if (installation === undefined) return `install what serves ${apiVersion}`
  const { name, command, instead } = installation
  return `install ${name} (${command})${instead === undefined ? '' : `, or set ${instead}`}`
}
