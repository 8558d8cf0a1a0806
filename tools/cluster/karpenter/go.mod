module llmscale.dev/tools/cluster/karpenter

go 1.26.0

require sigs.k8s.io/karpenter v1.14.1

tool sigs.k8s.io/karpenter/kwok
