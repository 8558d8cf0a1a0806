import { z } from 'zod'
import { precisions } from '../catalog/gpu-shape.js'
import { Environment } from './environment.js'
import { Hpa } from './hpa.js'
import { Live } from './live.js'
import { PolicySettings } from './policy-settings.js'
import { PullRequests } from './pull-requests.js'
import { Serve } from './serve.js'
import { Count, Duration, Instant, Label, Share, TimeZone, Usd } from './values.js'

// The schema of llmscale.yaml. Field descriptions are the documentation that editors show; every type of the
// configuration comes from here. Text forms (durations, shares, times) become numbers with the unit in the name of
// the reader's variable: seconds, shares 0 … 1, epoch seconds.

const Architecture = z.strictObject({
  layers: z.int().min(1).describe('num_hidden_layers of a config.json.'),
  hiddenSize: z.int().min(1).describe('hidden_size.'),
  attentionHeads: z.int().min(1).describe('num_attention_heads.'),
  keyValueHeads: z.int().min(1).describe('num_key_value_heads; fewer than attention heads where they share.'),
  headSize: z.int().min(1).describe('head_dim, or hidden_size over num_attention_heads.'),
  intermediateSize: z.int().min(1).describe('Width of a dense feed-forward block, or of one expert.'),
  vocabularySize: z.int().min(1).describe('vocab_size.'),
  experts: z.int().min(1).optional().describe('Experts of a layer, where it has them.'),
  expertsPerToken: z.int().min(1).optional().describe('Experts that one token passes through.'),
  tiedEmbeddings: z.boolean().optional().describe('True where the output layer shares the embedding.'),
  slidingWindow: z
    .strictObject({
      tokens: z.int().min(1).describe('Length of the window.'),
      layers: z.int().min(1).describe('Layers that have it.'),
    })
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
  gpusPerReplica: z
    .int()
    .min(1)
    .describe('GPUs that one replica is spread over: some of a node, or several whole nodes.'),
  precision: z.enum(precisions).default('bf16').describe('How the weights are stored.'),
  gpu: z.string().optional().describe('Catalogue name; default the GPU of the instance type.'),
})

const ServiceLevel = z.strictObject({
  ttftP95: Duration.optional().describe('Time to first token, 95th percentile.'),
  itlP95: Duration.optional().describe('Inter-token latency, 95th percentile.'),
  endToEndP95: Duration.optional().describe('Whole request, 95th percentile.'),
})

const Target = z.strictObject({
  kind: z
    .enum(['Deployment', 'StatefulSet', 'LeaderWorkerSet', 'Rollout', 'InferenceService'])
    .describe('Kind of the object that has the replicas.'),
  name: z
    .string()
    .regex(/^(?=.{1,63}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, { error: notAnObjectName })
    .describe('Its name.'),
  namespace: z
    .string()
    .regex(/^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, { error: notAnObjectName })
    .default('default')
    .describe('Its namespace.'),
  selector: z
    .record(z.string().min(1), z.string())
    .refine((labels) => Object.keys(labels).length > 0, 'needs at least one label')
    .optional()
    .describe('Labels that all of its pods have and no others; a disruptionBudget needs them.'),
  autoscaler: z
    .string()
    .regex(/^(?=.{1,63}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, { error: notAnObjectName })
    .optional()
    .describe(
      'Name of the ScaledObject or HorizontalPodAutoscaler that it has, which llmscale takes over; default one of llmscale’s own.',
    ),
})

function notAnObjectName({ input }: { input?: unknown }): string {
  return input === undefined
    ? 'is required'
    : `${JSON.stringify(input)} is not a name in Kubernetes; use at most 63 of a-z, 0-9 and -`
}

const Holidays = z.array(
  z.string().regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, {
    error: ({ input }) =>
      `${JSON.stringify(input)} is not a country such as DE, or a part of one such as DE-BY`,
  }),
)

const ColdStart = z
  .strictObject({
    node: Duration.describe('Until a node has joined the cluster.'),
    image: Duration.describe('Pull of the container image.'),
    weights: Duration.describe('Load of the weights onto the GPUs.'),
    warmUp: Duration.describe('From loaded weights to ready.'),
  })
  .partial()
  .describe('Parts of a replica’s start, 95th percentile; missing ones are estimated.')

const Trigger = z.strictObject({
  serverAddress: serverUrl().describe('Prometheus that KEDA reads, e.g. http://prometheus.monitoring:9090.'),
  query: z.string().describe('PromQL of one element: requests in flight; {model} and {region} are replaced.'),
  threshold: z
    .number()
    .positive()
    .optional()
    .describe('Per replica; default the replica’s concurrency under the SLO.'),
})

const WorkloadEntry = z.strictObject({
  model: z.string().min(1).describe('As the metrics name it; one of the catalogue or of `models:`.'),
  tenant: z.string().min(1).optional().describe('A tenant with replicas of its own; default all tenants.'),
  regions: z.array(Label).min(1).optional().describe('Default: all regions of the environment.'),
  target: Target.describe('What the autoscaler scales: llmscale writes only its bounds.'),
  slo: ServiceLevel.describe('What a replica’s load must leave intact; at least one limit.'),
  lengthLimits: z
    .strictObject({
      inputTokens: z.int().min(1).describe('Longest prompt.'),
      outputTokens: z.int().min(1).describe('Longest answer.'),
    })
    .optional()
    .describe('Longest request that must fit into memory.'),
  assumedLengths: z
    .strictObject({
      inputTokens: z.number().positive().describe('Mean prompt.'),
      outputTokens: z.number().positive().describe('Mean answer.'),
    })
    .optional()
    .describe('Mean tokens of a request where the metrics have none; labelled assumed.'),
  timeZone: TimeZone.default('UTC').describe('Whose mornings the floors follow.'),
  holidays: Holidays.optional().describe('Instead of those of `forecast:`.'),
  minReplicas: Count.default(1).describe('Floors never lie below this.'),
  maxReplicas: Count.optional().describe('The hard maximum never lies above this.'),
  shapes: z.array(z.string()).min(1).optional().describe('Names from `shapes:` that this workload may use.'),
  coldStart: ColdStart.optional(),
  trigger: Trigger.optional().describe('Instead of the `trigger:` of all workloads.'),
  hpa: Hpa.prefault({}).describe('What the HorizontalPodAutoscaler reads where `autoscaler: hpa`.'),
  shortfallUsdPerRequest: Usd.optional().describe('Instead of that of `planning:`.'),
  priority: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Of its pods against others’; default none is set.'),
  disruptionBudget: Share.optional().describe(
    'Share of its pods that may be away at once; default none is set.',
  ),
  serve: Serve.optional(),
})

const PoolLimit = z.strictObject({
  instanceType: z.string().describe('One that `shapes:` uses.'),
  region: Label.optional().describe('Default: each region.'),
  maxNodes: Count.describe('Nodes of all capacity types together.'),
})

const Price = z.strictObject({
  instanceType: z.string().describe('One that `shapes:` uses.'),
  region: Label.optional().describe('Default: each region.'),
  capacityType: z
    .enum(['on-demand', 'spot', 'reserved'])
    .describe('What the price is of; a reservation bills as on demand unless you say so.'),
  usdPerHour: Usd.describe('Of one node.'),
})

const Override = z
  .strictObject({
    workload: z.string().describe('model/region, or model/region/tenant.'),
    floor: Count.optional().describe('Least replicas at any time.'),
    maximum: Count.optional().describe('Most replicas at any time.'),
    shape: z.string().optional().describe('Name from `shapes:`, such as 2xH100-fp8@p5.48xlarge.'),
    reason: z.string().min(1).describe('Shown wherever the override is.'),
    by: z.string().min(1).describe('Who answers for it.'),
    until: Instant.describe('Date or time with a zone; it ends by itself.'),
  })
  .describe('A person’s decision that stands over the plan until a date.')

const planningPolicies = ['aggressive', 'balanced', 'conservative', 'cost-optimized'] as const
export type PlanningPolicy = (typeof planningPolicies)[number]

const Planning = z.strictObject({
  policy: z
    .enum(planningPolicies)
    .default('balanced')
    .describe('How dear a request that finds no capacity is, against an idle GPU.'),
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
  reactiveTargetWithFloor: Share.prefault(0.9).describe(
    'The largest above a floor; how high it is, the plan decides.',
  ),
  burstFactor: z.number().min(1).default(1.1).describe('Load within a step over the step’s mean.'),
  rolloutSurge: Share.prefault('25%').describe('Extra replicas that a rollout may run.'),
})

const Columns = z
  .strictObject({
    timestamp: z.string().describe('Start of the step, or arrival of the request; with a zone.'),
    model: z.string().describe('Name of the model.'),
    region: z.string().describe('May be absent where the environment has one region.'),
    tenant: z.string().describe('May be absent.'),
    requests: z.string().describe('Requests of the step; absent where each row is a request.'),
    input_tokens: z.string().describe('May be absent.'),
    output_tokens: z.string().describe('May be absent.'),
  })
  .partial()

const Files = z
  .array(z.string().min(1))
  .min(1)
  .describe('Demand files: paths relative to this file, patterns (demand/*.parquet), s3:// URLs.')

/** Secrets never stand in a configuration: it is committed. */
const SecretFrom = z
  .union(
    [
      z.strictObject({ env: z.string().min(1).describe('Name of an environment variable.') }),
      z.strictObject({ file: z.string().min(1).describe('Path of a file that holds nothing else.') }),
    ],
    { error: 'is not {env: NAME} or {file: PATH}; secrets never stand in a configuration' },
  )
  .describe('Where a secret is read: {env: NAME} or {file: PATH}.')

const Auth = z
  .strictObject({
    basic: z
      .strictObject({ username: z.string().min(1).describe('Name; no secret.'), password: SecretFrom })
      .describe('User name and password.'),
    bearer: z.strictObject({ token: SecretFrom }).describe('A token.'),
    sigv4: z
      .strictObject({
        region: z.string().min(1).describe('AWS region of the workspace.'),
        service: z.string().default('aps').describe('Service name in the signature.'),
      })
      .describe('Amazon Managed Prometheus; credentials from the usual AWS chain.'),
  })
  .partial()
  .refine((auth) => Object.keys(auth).length === 1, { error: 'needs one of basic, bearer and sigv4' })
  .describe('How requests are authorized: basic, bearer or sigv4.')

export const presetNames = ['vllm', 'sglang', 'tgi', 'triton', 'llm-d'] as const
export type PresetName = (typeof presetNames)[number]

const Query = z.string().min(1)
const Queries = z
  .strictObject({
    requests: Query.describe('Requests of a step, e.g. sum by (model_name) (increase(x_total[{step}])).'),
    rejectedRequests: Query.describe('Requests of a step that were turned away (429, 503).'),
    inputTokens: Query.describe('Prompt tokens of a step.'),
    cachedInputTokens: Query.describe('Prompt tokens of a step that the prefix cache had.'),
    outputTokens: Query.describe('Generated tokens of a step.'),
    inFlightRequests: Query.describe('Requests that wait or run, at the end of a step.'),
    queuedRequests: Query.describe('Requests that wait, at the end of a step.'),
    replicas: Query.describe('Replicas asked for, at the end of a step.'),
    readyReplicas: Query.describe('Replicas that serve, at the end of a step.'),
    input_tokens: Query.describe('Histogram of prompt lengths: increase by le over {step}.'),
    output_tokens: Query.describe('Histogram of answer lengths: increase by le over {step}.'),
    ttft_seconds: Query.describe('Histogram of times to first token: increase by le over {step}.'),
    itl_seconds: Query.describe('Histogram of inter-token latencies: increase by le over {step}.'),
    end_to_end_seconds: Query.describe('Histogram of request durations: increase by le over {step}.'),
  })
  .partial()
  .describe('Your own PromQL, instead of the presets’; {step} becomes the step. Keep the labels.')

/** A server of the Prometheus HTTP API, and what is read from it. */
export const Prometheus = z.strictObject({
  url: serverUrl().describe(
    'Base URL; /api/v1 is added. Also Thanos, Mimir, VictoriaMetrics, Amazon Managed Prometheus.',
  ),
  presets: z
    .array(z.enum(presetNames))
    .default([])
    .describe('Whose metrics are there; of each signal the first that has it counts.'),
  queries: Queries.default({}),
  labels: z
    .strictObject({
      model: z.string().describe('Default: the preset’s.'),
      region: z.string().describe('Default: none; then region must be given, or the environment have one.'),
      tenant: z.string().describe('Default: none.'),
    })
    .partial()
    .default({})
    .describe('Labels that name model, region and tenant.'),
  region: Label.optional().describe('Region of all its series, where no label names it.'),
  matchers: z.string().optional().describe('Added to each selector of a preset, e.g. namespace="llm".'),
  countsArrivals: z
    .boolean()
    .optional()
    .describe('True where requests counts arrivals, not requests that ended; default the preset’s.'),
  history: Duration.prefault('28d').describe('How far back it is read.'),
  auth: Auth.optional(),
  tls: z
    .strictObject({
      ca: z.string().describe('PEM file of the certificate authority.'),
      certificate: z.string().describe('PEM file of the client certificate.'),
      key: z.string().describe('PEM file of its key.'),
    })
    .partial()
    .optional()
    .describe('Files relative to this one.'),
  headers: z
    .record(z.string(), z.union([z.string(), SecretFrom]))
    .default({})
    .superRefine((headers, context) => {
      for (const [name, value] of Object.entries(headers)) {
        if (typeof value === 'string' && /authorization|cookie|key|token|secret|passw/i.test(name)) {
          const message =
            'looks like a secret, which a configuration must not hold; write {env: NAME} or {file: PATH}'
          context.addIssue({ code: 'custom', path: [name], message })
        }
      }
    })
    .describe('Such as X-Scope-OrgID; secrets as {env: NAME} or {file: PATH}.'),
  timeout: Duration.prefault('60s').describe('Of one request.'),
  parallel: z.int().min(1).max(32).default(4).describe('Requests at a time.'),
  maximumSeries: z
    .int()
    .min(1)
    .default(100_000)
    .describe('Above so many series behind one signal, reading refuses instead of loading the server.'),
})

/** A path is added to it, and it stands where many may read it. */
function serverUrl(): z.ZodString {
  return z.string().refine(isServerUrl, {
    error: ({ input }) =>
      `${JSON.stringify(withoutSecrets(String(input)))} is not an http or https URL without credentials and query; write https://prometheus.example:9090`,
  })
}

/** A URL as a message may show it. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//…@').replace(/[?#].*$/, '?…')
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '')
}

const Source = z
  .strictObject({
    files: Files.optional(),
    columns: Columns.optional().describe('Our column name: the file’s; default those of `metrics:`.'),
    prometheus: Prometheus.optional(),
    from: Instant.optional().describe('Only what begins at this time or later.'),
    until: Instant.optional().describe('Only what was over at this time.'),
    workloads: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Only these: model, model/region or model/region/tenant, after `renames`.'),
    environments: z.array(Label).min(1).optional().describe('Only in these; default in all.'),
  })
  .refine(({ files, prometheus }) => (files === undefined) !== (prometheus === undefined), {
    error: 'needs either files or prometheus',
  })

const Collector = z
  .strictObject({
    prometheus: Prometheus.describe('What the job reads, from inside the cluster.'),
    to: z
      .string()
      .regex(/\{day\}.*\.(csv|csv\.gz|parquet)$/, {
        error: ({ input }) =>
          `${JSON.stringify(input)} is not one file a day; it needs {day} and ends in .csv, .csv.gz or .parquet`,
      })
      .describe('s3://bucket/{day}.parquet, or git+https://host/repo.git#branch:{day}.csv; one file a day.'),
    schedule: z.string().default('*/30 * * * *').describe('Cron expression, in UTC.'),
    image: z.string().min(1).describe('Container image that has llmscale.'),
    namespace: Label.default('monitoring').describe('Where the job runs.'),
    serviceAccount: z
      .string()
      .default('llmscale-collector')
      .describe('Bound to a role that may write there.'),
    secret: Label.optional().describe(
      'Secret whose keys become environment variables, and files in /var/run/secrets/llmscale.',
    ),
    last: Duration.prefault('2d').describe('Days that a run writes again.'),
  })
  .describe('A job inside the cluster that writes demand where the planning job can read it.')

const Covariate = z
  .strictObject({
    name: z.string().min(1).describe('Shown wherever it is.'),
    query: z
      .string()
      .min(1)
      .optional()
      .describe(
        'PromQL of its value at the end of a step, asked of the first Prometheus of `sources:`; {step} becomes the step, and a series that names a model counts for that one.',
      ),
    files: Files.optional(),
    columns: z
      .strictObject({
        timestamp: z.string().describe('Start of the step; with a zone.'),
        model: z.string().describe('May be absent: then it counts for all models.'),
        value: z.string().describe('Its amount, never below zero; default the name of the covariate.'),
      })
      .partial()
      .default({})
      .describe('Columns of its files.'),
    workloads: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Whose demand it may tell of: model, model/region or model/region/tenant; default all.'),
  })
  .refine(({ query, files }) => (query === undefined) !== (files === undefined), {
    error: 'needs either query or files',
  })
/** Another quantity that may tell of demand to come. */
export type CovariateSettings = z.infer<typeof Covariate>

const Renames = z.record(z.string(), z.string().min(1)).default({})

const Metrics = z
  .strictObject({
    files: Files.optional(),
    sources: z
      .array(Source)
      .min(1)
      .optional()
      .describe('Instead of `files`: several, the first that has a value of a workload and step counts.'),
    columns: Columns.default({}).describe('Our column name: the file’s.'),
    maximumBadRows: Share.prefault('1%').describe('Above this share of bad rows commands refuse.'),
    renames: z
      .strictObject({ model: Renames, region: Renames, tenant: Renames })
      .partial()
      .default({})
      .describe('What the metrics once called something: its name today.'),
    tenantNames: z
      .enum(['alias', 'plain'])
      .default('alias')
      .describe('Tenants that llmscale.yaml does not name appear under aliases, or as they are.'),
    covariates: z
      .array(Covariate)
      .min(1)
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
        error: 'has a name twice',
      })
      .optional()
      .describe('Active conversations, sign-ups: what may tell of demand before it comes.'),
    collector: Collector.optional(),
  })
  .refine(({ files, sources }) => (files === undefined) !== (sources === undefined), {
    error: 'needs either files or sources',
  })

/** The whole of llmscale.yaml. */
export const Config = z.strictObject({
  environments: z
    .record(Label, Environment)
    .refine((all) => Object.keys(all).length > 0, 'needs at least one environment')
    .describe('Where plans are applied, by name.'),
  metrics: Metrics.describe('Where the demand history comes from.'),
  forecast: z
    .strictObject({
      step: Duration.optional().describe('Default: the step of the file, or 5m for single requests.'),
      horizon: Duration.prefault('7d').describe('A plan needs at least 7d: its floors are weekly.'),
      seed: z.int().default(1).describe('Of the sample paths: the same seed gives the same plan.'),
      events: z
        .string()
        .min(1)
        .optional()
        .describe('File of launches, campaigns and batch jobs, relative to this one.'),
      challenger: Duration.refine((seconds) => seconds >= 7 * 86_400 && seconds <= 56 * 86_400, {
        error: 'is not from 7d to 56d',
      })
        .optional()
        .describe(
          'How much of the past plans learn from once `backtest --challenger --record` has found it surely better; default 56d always.',
        ),
      holidays: Holidays.default([]).describe('Whose public holidays the demand of all workloads follows.'),
      anomalies: z
        .enum(['leave-out', 'learn'])
        .default('leave-out')
        .describe(
          'Retry storms, attacks and load tests that are found: not learned, or learned like all else.',
        ),
    })
    .prefault({})
    .describe('What is forecast.'),
  models: z
    .record(z.string(), Model)
    .default({})
    .describe('Models that the catalogue lacks or that have another name.'),
  shapes: z.array(Shape).min(1).describe('GPU shapes that may be used.'),
  workloads: z.array(WorkloadEntry).min(1).describe('What is planned for.'),
  trigger: Trigger.optional().describe('The reactive trigger of every workload without its own.'),
  poolLimits: z.array(PoolLimit).default([]).describe('Most nodes that may run.'),
  prices: z.array(Price).default([]).describe('Stand over the catalogue’s.'),
  planning: Planning.prefault({}).describe('How floors and pools are decided.'),
  live: Live.prefault({}).describe('Floors that are renewed every few minutes, inside what was reviewed.'),
  overrides: z.array(Override).default([]).describe('Decisions of people that stand over the plan.'),
  policies: PolicySettings.prefault({}).describe(
    'Rules that a plan must keep; each can be set or turned off.',
  ),
  pullRequests: PullRequests.prefault({}).describe('The pull request of a plan: for whom, and when.'),
})
export type Config = z.infer<typeof Config>

/** What of a configuration says how a plan's numbers become objects. */
export type ClusterConfig = Pick<Config, 'environments' | 'workloads' | 'planning'>

/** The defaults, for a plan whose configuration is not at hand. */
export function defaultClusterConfig(environment: string, regions: string[]): ClusterConfig {
  return {
    environments: { [environment]: Environment.parse({ regions }) },
    workloads: [],
    planning: Planning.parse({}),
  }
}
