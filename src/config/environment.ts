import { z } from 'zod'
import { Count, Instant, Label, Usd } from './values.js'

const Cluster = z
  .strictObject({
    context: z.string().min(1).describe('Context of the kubeconfig; default the current one.'),
    version: z
      .string()
      .regex(/^1\.\d+$/, { error: ({ input }) => `${JSON.stringify(input)} is not a version; write "1.34"` })
      .describe('Kubernetes version; from 1.35 floors need no surplus against the tolerance of the HPA.'),
    name: z.string().min(1).describe('Name of the EKS cluster; the capacity layer needs it.'),
    nodeRole: z.string().min(1).describe('IAM role of GPU nodes: a name, or an ARN for managed node groups.'),
    subnets: z
      .array(z.string().regex(/^subnet-/))
      .min(1)
      .describe('Subnets of GPU nodes.'),
    zones: z
      .array(z.string().min(1))
      .min(1)
      .describe('Availability zone of each of these subnets, in the same order.'),
    securityGroups: z
      .array(z.string().regex(/^sg-/))
      .min(1)
      .describe('Security groups of GPU nodes; default that of the cluster.'),
  })
  .partial()
export type Cluster = z.infer<typeof Cluster>

const Nodes = z.strictObject({
  manager: z
    .enum(['karpenter', 'managed-node-groups'])
    .default('karpenter')
    .describe('Who launches GPU nodes: Karpenter, or EKS managed node groups that Pulumi declares.'),
  nodeClass: z
    .string()
    .min(1)
    .optional()
    .describe('EC2NodeClass that you provide; without it, and with an amiAlias, llmscale declares one.'),
  amiAlias: z
    .string()
    .regex(/^(al2023|bottlerocket)@\S+$/, {
      error: ({ input }) =>
        `${JSON.stringify(input)} is not an image of GPU nodes; write al2023@v20260901 or bottlerocket@v1.50.0`,
    })
    .optional()
    .describe('Image of GPU nodes, e.g. al2023@v20260901; managed node groups take its family.'),
  volumeGiB: z.int().min(20).default(500).describe('Root volume; images and weights lie on it.'),
  interruptionQueue: z
    .boolean()
    .default(false)
    .describe('Declare the queue and rules that tell Karpenter of spot interruptions.'),
})

const Reservation = z
  .strictObject({
    name: Label.describe('How people and --allow-purchase name it.'),
    kind: z.enum(['odcr', 'capacity-block']).default('odcr').describe('What EC2 calls it.'),
    region: Label.describe('Where it is.'),
    zone: z.string().min(1).describe('Availability zone, e.g. us-east-1a.'),
    instanceType: z.string().min(1).describe('One that `shapes:` uses.'),
    nodes: Count.describe('Instances that it holds.'),
    id: z
      .string()
      .regex(/^cr-[0-9a-z]+$/)
      .optional()
      .describe(
        'Of one that you bought; without it llmscale proposes to buy it, which needs --allow-purchase.',
      ),
    until: Instant.optional().describe('When it ends; one that llmscale buys must end.'),
  })
  .describe('Capacity that is paid for whether used or not.')
export type Reservation = z.infer<typeof Reservation>

export const Environment = z.strictObject({
  regions: z.array(Label).min(1).describe('Regions that this environment serves from.'),
  delivery: z
    .enum(['pulumi', 'gitops'])
    .default('pulumi')
    .describe('Who applies: Pulumi, or Argo CD or Flux from rendered files.'),
  gitops: z
    .strictObject({
      path: z
        .string()
        .default('manifests/{environment}/{region}')
        .describe('Folder that Argo CD or Flux watches; {environment} and {region} are replaced.'),
      format: z
        .enum(['manifests', 'kustomize'])
        .default('manifests')
        .describe('Whole objects, or Kustomize patches with the bounds alone.'),
    })
    .prefault({})
    .describe('Where `llmscale render` writes with delivery gitops.'),
  approval: z
    .enum(['none', 'git', 'github'])
    .default('none')
    .describe('What apply asks for; none only with a local backend.'),
  reviewedBranch: z
    .string()
    .min(1)
    .default('main')
    .describe('Branch that only reviewed changes reach; approval git and github read it.'),
  backend: z.string().optional().describe('Pulumi backend URL; default a local one under .llmscale/.'),
  secretsProvider: z
    .string()
    .min(1)
    .optional()
    .describe('Pulumi secrets provider, e.g. awskms://alias/llmscale?region=us-east-1.'),
  state: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Receipts and locks: s3://bucket/prefix, or git+https://host/repo.git#branch; default beside the backend.',
    ),
  rollout: z
    .strictObject({
      canary: Label.optional().describe('Region that goes first and alone.'),
      parallel: z.int().min(1).max(16).default(4).describe('Regions at a time after it.'),
    })
    .prefault({})
    .describe('Order of regions.'),
  autoscaler: z
    .enum(['keda', 'hpa'])
    .default('keda')
    .describe('What scales replicas; without KEDA the floor of the busiest hour holds all day.'),
  clusters: z.record(Label, Cluster).default({}).describe('The cluster of each region.'),
  nodes: Nodes.prefault({}).describe('How GPU nodes come to the cluster.'),
  reservations: z.array(Reservation).default([]).describe('Owned and proposed capacity reservations.'),
  tags: z
    .record(z.string().min(1).max(128), z.string().max(256))
    .default({})
    .describe('Added to every AWS resource.'),
  budget: z
    .strictObject({ usdPerDay: Usd.describe('The plan’s 90th percentile of cost stays below this.') })
    .optional()
    .describe('What this environment may cost; apply needs one outside the local backend.'),
})
export type Environment = z.infer<typeof Environment>
