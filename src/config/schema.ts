import { z } from 'zod'
import { precisions } from '../catalog/gpu-shape.js'
import { durationPattern, isTimeZone, parseDuration, parseInstant } from '../kit/time.js'

// The schema of llmscale.yaml. Field descriptions are the documentation that editors show; every type of the
// configuration comes from here. Text forms (durations, shares, times) become numbers with the unit in the name of
// the reader's variable: seconds, shares 0 … 1, epoch seconds.

/** A duration such as `500ms`, `2s`, `7d`; read as seconds. */
const Duration = z
  .string()
  .regex(durationPattern, {
    error: ({ input }) => `${JSON.stringify(input)} is not a duration; write 2s or 500ms`,
  })
  .transform((text) => parseDuration(text)!)

const notAShare = ({ input }: { input?: unknown }) =>
  input === undefined ? 'is required' : `${JSON.stringify(input)} is not a share; write 30% or 0.3`

/** A share such as `30%` or `0.3`; read as 0 … 1. */
const Share = z
  .union([z.string(), z.number()], { error: notAShare })
  .refine((value) => parseShare(value) !== undefined, { error: notAShare })
  .transform((value) => parseShare(value)!)

function parseShare(value: string | number): number | undefined {
  const share =
    typeof value === 'number'
      ? value
      : /^\d+(\.\d+)?%$/.test(value)
        ? Number(value.slice(0, -1)) / 100
        : Number.NaN
  return share >= 0 && share <= 1 ? share : undefined
}

/** A time or date with a zone, such as `2026-12-01T08:00:00Z`, or a date alone (midnight UTC); read as epoch seconds. */
const Instant = z
  .string()
  .refine((text) => parseDateOrInstant(text) !== undefined, {
    error: ({ input }) => `${JSON.stringify(input)} is not a time; write 2026-12-01 or 2026-12-01T08:00:00Z`,
  })
  .transform((text) => parseDateOrInstant(text)!)

function parseDateOrInstant(text: string): number | undefined {
  return parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
}

const TimeZone = z.string().refine(isTimeZone, {
  error: ({ input }) => `${JSON.stringify(input)} is not an IANA time zone; write Europe/Berlin or UTC`,
})

/** Used in stack and file names as it is. */
const Label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$/, {
  error: ({ input }) => `${JSON.stringify(input)} is not a DNS label; use at most 50 of a-z, 0-9 and -`,
})

const Count = z.int().min(0)
const Usd = z.number().min(0)

const Environment = z.strictObject({
  regions: z.array(Label).min(1).describe('Regions that this environment serves from.'),
  delivery: z
    .enum(['pulumi', 'gitops'])
    .default('pulumi')
    .describe('Who applies: Pulumi, or Argo CD or Flux from rendered files.'),
  approval: z
    .enum(['none', 'git', 'github'])
    .default('none')
    .describe('What apply asks for; none only with a local backend.'),
  backend: z.string().optional().describe('Pulumi backend URL; default a local one under .llmscale/.'),
  budget: z
    .strictObject({ usdPerDay: Usd.describe('The plan’s 90th percentile of cost stays below this.') })
    .optional(),
})

const Architecture = z.strictObject({
  layers: z.int().min(1),
  hiddenSize: z.int().min(1),
  attentionHeads: z.int().min(1),
  keyValueHeads: z.int().min(1),
  headSize: z.int().min(1),
  intermediateSize: z.int().min(1).describe('Width of a dense feed-forward block, or of one expert.'),
  vocabularySize: z.int().min(1),
  experts: z.int().min(1).optional(),
  expertsPerToken: z.int().min(1).optional(),
  tiedEmbeddings: z.boolean().optional().describe('True where the output layer shares the embedding.'),
  slidingWindow: z
    .strictObject({ tokens: z.int().min(1), layers: z.int().min(1) })
    .optional()
    .describe('Layers that attend only to the last tokens.'),
  fourBitBlockSize: z
    .int()
    .min(1)
    .optional()
    .describe('Weights that share a scale in a four-bit checkpoint: 16 (NVFP4, default) or 32 (MXFP4).'),
})

const Model = z.strictObject({
  architecture: z
    .union([z.string(), Architecture], {
      error: ({ input }) =>
        input === undefined
          ? 'is required'
          : `${JSON.stringify(input)} is not an architecture; write a catalogue name, a path or the numbers`,
    })
    .describe('A catalogue name, the path of a Hugging Face config.json, or the numbers.'),
  assumed: z
    .boolean()
    .default(false)
    .describe('True where the real architecture is not known; shown beside every figure.'),
})

const Shape = z.strictObject({
  instanceType: z.string().describe('EC2 instance type, e.g. p5.48xlarge.'),
  gpusPerReplica: z.int().min(1),
  precision: z.enum(precisions).default('bf16'),
  gpu: z.string().optional().describe('Catalogue name; default the GPU of the instance type.'),
})

const ServiceLevel = z.strictObject({
  ttftP95: Duration.optional().describe('Time to first token, 95th percentile.'),
  itlP95: Duration.optional().describe('Inter-token latency, 95th percentile.'),
  endToEndP95: Duration.optional().describe('Whole request, 95th percentile.'),
})

const Target = z.strictObject({
  kind: z.enum(['Deployment', 'StatefulSet', 'LeaderWorkerSet', 'Rollout', 'InferenceService']),
  name: z.string().min(1),
  namespace: z.string().default('default'),
})

const ColdStart = z
  .strictObject({ node: Duration, image: Duration, weights: Duration, warmUp: Duration })
  .partial()
  .describe('Parts of a replica’s start, 95th percentile; missing ones are estimated.')

const Trigger = z.strictObject({
  serverAddress: z.string().describe('Prometheus that KEDA reads, e.g. http://prometheus.monitoring:9090.'),
  query: z.string().describe('PromQL of one element: requests in flight; {model} and {region} are replaced.'),
  threshold: z
    .number()
    .positive()
    .optional()
    .describe('Per replica; default the replica’s concurrency under the SLO.'),
})

const WorkloadEntry = z.strictObject({
  model: z.string().min(1),
  tenant: z.string().min(1).optional().describe('A tenant with replicas of its own; default all tenants.'),
  regions: z.array(Label).min(1).optional().describe('Default: all regions of the environment.'),
  target: Target.describe('What the autoscaler scales: llmscale writes only its bounds.'),
  slo: ServiceLevel,
  lengthLimits: z
    .strictObject({ inputTokens: z.int().min(1), outputTokens: z.int().min(1) })
    .optional()
    .describe('Longest request that must fit into memory.'),
  assumedLengths: z
    .strictObject({ inputTokens: z.number().positive(), outputTokens: z.number().positive() })
    .optional()
    .describe('Mean tokens of a request where the metrics have none; labelled assumed.'),
  timeZone: TimeZone.default('UTC').describe('Whose mornings the floors follow.'),
  minReplicas: Count.default(1),
  maxReplicas: Count.optional(),
  shapes: z.array(z.string()).min(1).optional().describe('Names from `shapes:` that this workload may use.'),
  coldStart: ColdStart.optional(),
  trigger: Trigger.optional(),
  shortfallUsdPerRequest: Usd.optional(),
})

const PoolLimit = z.strictObject({
  instanceType: z.string(),
  region: Label.optional(),
  maxNodes: Count,
})

const Price = z.strictObject({
  instanceType: z.string(),
  region: Label.optional(),
  capacityType: z.enum(['on-demand', 'spot']),
  usdPerHour: Usd,
})

const Override = z
  .strictObject({
    workload: z.string().describe('model/region'),
    floor: Count.optional(),
    maximum: Count.optional(),
    shape: z.string().optional(),
    reason: z.string().min(1),
    by: z.string().min(1),
    until: Instant,
  })
  .describe('A person’s decision that stands over the plan until a date.')

export const planningPolicies = ['aggressive', 'balanced', 'conservative', 'cost-optimized'] as const
export type PlanningPolicy = (typeof planningPolicies)[number]

const Planning = z.strictObject({
  policy: z.enum(planningPolicies).default('balanced'),
  shortfallUsdPerRequest: Usd.optional().describe(
    'Price of a request that finds no capacity; stands over the policy.',
  ),
  spotCap: Share.prefault(0).describe('Largest share of a region’s nodes of one instance type on spot.'),
  decreaseCap: Share.prefault('30%').describe('Largest fall of total floors and limits in one apply.'),
  validity: Duration.prefault('7d').describe('How long a plan may be applied.'),
  reaction: Duration.prefault('60s').describe('Time from load to the autoscaler’s decision.'),
  reactiveTarget: Share.prefault(0.7).describe(
    'Utilisation that the reactive trigger aims at without a floor.',
  ),
  reactiveTargetWithFloor: Share.prefault(0.9).describe('The same above a floor.'),
  burstFactor: z.number().min(1).default(1.1).describe('Load within a step over the step’s mean.'),
  rolloutSurge: Share.prefault('25%').describe('Extra replicas that a rollout may run.'),
})

/** The whole of llmscale.yaml. */
export const Config = z.strictObject({
  environments: z
    .record(Label, Environment)
    .refine((all) => Object.keys(all).length > 0, 'needs at least one environment'),
  metrics: z.strictObject({
    files: z.array(z.string()).min(1).describe('Demand files, relative to this file.'),
    columns: z
      .strictObject({
        timestamp: z.string(),
        model: z.string(),
        region: z.string(),
        tenant: z.string(),
        requests: z.string(),
        input_tokens: z.string(),
        output_tokens: z.string(),
      })
      .partial()
      .default({})
      .describe('Our column name: the file’s.'),
    maximumBadRows: Share.prefault('1%').describe('Above this share of bad rows commands refuse.'),
  }),
  forecast: z
    .strictObject({
      step: Duration.optional().describe('Default: the step of the file, or 5m for single requests.'),
      horizon: Duration.prefault('7d').describe('A plan needs at least 7d: its floors are weekly.'),
      seed: z.int().default(1),
    })
    .prefault({}),
  models: z
    .record(z.string(), Model)
    .default({})
    .describe('Models that the catalogue lacks or that have another name.'),
  shapes: z.array(Shape).min(1).describe('GPU shapes that may be used.'),
  workloads: z.array(WorkloadEntry).min(1),
  trigger: Trigger.optional().describe('The reactive trigger of every workload without its own.'),
  poolLimits: z.array(PoolLimit).default([]),
  prices: z.array(Price).default([]).describe('Stand over the catalogue’s.'),
  planning: Planning.prefault({}),
  overrides: z.array(Override).default([]),
})
export type Config = z.infer<typeof Config>
