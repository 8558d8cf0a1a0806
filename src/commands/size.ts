import { readFile } from 'node:fs/promises'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import type { Architecture } from '../catalog/architecture.js'
import { type GpuShape, parseShape, precisions, shapeName } from '../catalog/gpu-shape.js'
import { findGpu, gpuNames } from '../catalog/gpus.js'
import { findInstanceType, instanceTypeNames } from '../catalog/instance-types.js'
import { findModel, models } from '../catalog/models.js'
import { type NodePrice, nodePrice, type PriceOverride } from '../catalog/prices.js'
import { BaseCommand } from '../cli/base-command.js'
import { duration } from '../cli/flags.js'
import { environmentOf, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import { parseHuggingFaceConfig } from '../config/hugging-face.js'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { formatDuration } from '../kit/time.js'
import { nodesPerReplica } from '../planning/node-group.js'
import type { ColdStartParts } from '../sizing/cold-start.js'
import { errorBands, type ReplicaCapacity, type RequestLengths } from '../sizing/replica-capacity.js'
import { type ServiceLevel, sizeReplica } from '../sizing/size-replica.js'

const Provenance = z.enum(['measured', 'calibrated', 'estimated', 'assumed'])
const Shape = z.strictObject({
  gpu: z.string(),
  gpusPerReplica: z.int(),
  precision: z.enum(precisions),
  instanceType: z.string(),
})

export const Result = z.strictObject({
  errorBands: z
    .strictObject({
      itl: z.strictObject({ low: z.number(), high: z.number() }),
      ttft: z.strictObject({ low: z.number(), high: z.number() }),
    })
    .describe('Measured over predicted: where 80 % of measured points lie.'),
  models: z.array(
    z.strictObject({
      model: z.string(),
      region: z.string(),
      lengths: z.strictObject({
        inputTokens: z.number(),
        outputTokens: z.number(),
        maximumInputTokens: z.number(),
        maximumOutputTokens: z.number(),
      }),
      shapes: z
        .array(
          z.strictObject({
            name: z.string(),
            shape: Shape,
            provenance: Provenance,
            source: z.string(),
            weightBytes: z.number(),
            kvCacheBytesPerToken: z.number(),
            kvCacheTokens: z.number(),
            maximumConcurrency: z.int(),
            bindingLimit: z.enum(['ttft', 'itl', 'end-to-end', 'kv-cache', 'batch-limit']),
            ttftP95Seconds: z.number(),
            itlP95Seconds: z.number().describe('Of the mean over the tokens of a request.'),
            prefillTokensPerSecond: z.number(),
            decodeTokensPerSecond: z.number(),
            requestsPerSecond: z.number(),
            coldStart: z.strictObject({
              nodeSeconds: z.number(),
              imageSeconds: z.number(),
              weightsSeconds: z.number(),
              warmUpSeconds: z.number(),
              totalSeconds: z.number(),
              provenance: Provenance,
            }),
            price: z
              .strictObject({
                usdPerNodeHour: z.number(),
                usdPerReplicaHour: z.number(),
                usdPerThousandRequests: z.number(),
                usdPerMillionTokens: z.number().describe('Input and output tokens together.'),
                provenance: Provenance,
                source: z.string(),
                asOf: z.string(),
              })
              .nullable()
              .describe('On demand; null where no price is known.'),
          }),
        )
        .describe('Cheapest request first.'),
      refused: z.array(z.strictObject({ name: z.string(), code: z.string(), message: z.string() })),
    }),
  ),
})
type Result = z.infer<typeof Result>
type SizedModel = Result['models'][number]
type SizedShape = SizedModel['shapes'][number]

/** One model in one region, and the shapes to try. */
interface Question {
  model: string
  region: string
  architecture: Architecture
  assumed: boolean
  slo: ServiceLevel
  lengths: RequestLengths
  shapes: GpuShape[]
  coldStart: ColdStartParts
  prices: readonly PriceOverride[]
}

/** What the flags say of lengths and service level; it stands over the config. */
interface Wishes {
  inputTokens: number | undefined
  outputTokens: number | undefined
  maximumInputTokens: number | undefined
  maximumOutputTokens: number | undefined
  slo: ServiceLevel
}

export default class Size extends BaseCommand {
  static override description =
    'Estimate what one replica carries on each GPU shape, and what a request costs.'
  static override examples = [
    '<%= config.bin %> size --model llama-3.1-70b --shape 2xH100-fp8@p5.48xlarge --ttft-p95 2s --itl-p95 50ms --input-tokens 1000 --output-tokens 300',
    '<%= config.bin %> size --input-tokens 1000 --output-tokens 300',
  ]
  static override flags = {
    model: Flags.string({
      description: 'Catalogue name, Hugging Face id or config.json; with a config only this workload.',
    }),
    shape: Flags.string({
      description: 'GPU shape such as 2xH100-fp8@p5.48xlarge; without one those of the config.',
      multiple: true,
    }),
    region: Flags.string({ description: 'Where prices are for, without a config.', default: 'us-east-1' }),
    'ttft-p95': duration({ description: 'Time to first token, 95th percentile.' }),
    'itl-p95': duration({ description: 'Inter-token latency, 95th percentile.' }),
    'end-to-end-p95': duration({ description: 'Whole request, 95th percentile.' }),
    'input-tokens': Flags.integer({ description: 'Mean input tokens of a request.', min: 1 }),
    'output-tokens': Flags.integer({ description: 'Mean output tokens of a request.', min: 1 }),
    'max-input-tokens': Flags.integer({ description: 'Longest input; default 4 times the mean.', min: 1 }),
    'max-output-tokens': Flags.integer({ description: 'Longest output; default 4 times the mean.', min: 1 }),
  }

  async run(): Promise<Result> {
    const { flags } = await this.parse(Size)
    const wishes: Wishes = {
      inputTokens: flags['input-tokens'],
      outputTokens: flags['output-tokens'],
      maximumInputTokens: flags['max-input-tokens'],
      maximumOutputTokens: flags['max-output-tokens'],
      slo: {
        ttftP95Seconds: flags['ttft-p95'],
        itlP95Seconds: flags['itl-p95'],
        endToEndP95Seconds: flags['end-to-end-p95'],
      },
    }
    const questions = flags.shape
      ? [await askFlags(flags.model, flags.shape, flags.region, wishes)]
      : askConfig(await readConfig(flags.config), flags.env, flags.model, wishes)
    const sized = questions.map((question) => ({ question, answer: sizeShapes(question) }))
    for (const { question, answer } of sized) this.log(`${describe(question, answer)}\n`)
    this.log(describeErrorBands())
    return { errorBands, models: sized.map(({ answer }) => answer) }
  }
}

async function askFlags(
  model: string | undefined,
  shapes: readonly string[],
  region: string,
  wishes: Wishes,
): Promise<Question> {
  if (model === undefined) {
    throw new LlmscaleError('usage', 'MODEL_NEEDED', 'With --shape a model is needed.', [
      '--model llama-3.1-8b',
    ])
  }
  return {
    model,
    region,
    architecture: await readArchitecture(model),
    assumed: false,
    slo: wishes.slo,
    lengths: chooseLengths(wishes, model),
    shapes: shapes.map(readShape),
    coldStart: {},
    prices: [],
  }
}

async function readArchitecture(model: string): Promise<Architecture> {
  if (model.endsWith('.json')) {
    const text = await readFile(model, 'utf8').catch((cause: Error) => {
      throw new LlmscaleError(
        'configInvalid',
        'CONFIG_UNREADABLE',
        `${model} cannot be read: ${cause.message}`,
      )
    })
    return parseHuggingFaceConfig(text, model)
  }
  const known = findModel(model)
  if (known !== undefined) return known.architecture
  throw unknown(
    'MODEL_UNKNOWN',
    'model',
    model,
    models.flatMap(({ name, aliases }) => [name, ...aliases]),
    models.map(({ name }) => name),
  )
}

function readShape(text: string): GpuShape {
  const shape = parseShape(text)
  if (shape === undefined) {
    throw new LlmscaleError(
      'usage',
      'FLAG_INVALID',
      `--shape: ${JSON.stringify(text)} is not a GPU shape; write 2xH100-fp8@p5.48xlarge (precisions: ${precisions.join(', ')})`,
    )
  }
  const gpu = findGpu(shape.gpu)
  const instanceType = findInstanceType(shape.instanceType)
  if (gpu === undefined) throw unknown('GPU_UNKNOWN', 'GPU', shape.gpu, gpuNames)
  if (instanceType === undefined)
    throw unknown('INSTANCE_TYPE_UNKNOWN', 'instance type', shape.instanceType, instanceTypeNames)
  if (instanceType.gpu !== gpu.name) {
    throw new LlmscaleError(
      'configInvalid',
      'GPU_MISMATCH',
      `--shape ${text}: ${instanceType.name} has ${instanceType.gpusPerNode} ${instanceType.gpu}, no ${gpu.name}.`,
      [shapeName({ ...shape, gpu: instanceType.gpu })],
    )
  }
  return { ...shape, gpu: gpu.name, instanceType: instanceType.name }
}

function unknown(
  code: string,
  what: string,
  name: string,
  candidates: readonly string[],
  shown = candidates,
): LlmscaleError {
  const near = nearestName(name, candidates)
  return new LlmscaleError(
    'configInvalid',
    code,
    `The catalogue has no ${what} ${JSON.stringify(name)}; it has ${shown.join(', ')}.`,
    near === undefined ? [] : [`Did you mean ${near}?`],
  )
}

function askConfig(
  config: Config,
  environment: string | undefined,
  model: string | undefined,
  wishes: Wishes,
): Question[] {
  const { regions } = environmentOf(config, environment).environment
  const names = config.workloads.map((entry) => entry.model)
  if (model !== undefined && !names.includes(model)) {
    throw new LlmscaleError(
      'usage',
      'MODEL_UNKNOWN',
      `The configuration has no workload of ${JSON.stringify(model)}; it has ${names.join(', ')}.`,
    )
  }
  return config.workloads
    .filter((entry) => model === undefined || entry.model === model)
    .map((entry) => {
      const custom = config.models[entry.model]
      const architecture = custom?.architecture ?? entry.model
      const { slo } = entry
      return {
        model: entry.model,
        region: (entry.regions ?? regions)[0]!,
        architecture: typeof architecture === 'string' ? findModel(architecture)!.architecture : architecture,
        assumed: custom?.assumed ?? false,
        slo: {
          ttftP95Seconds: wishes.slo.ttftP95Seconds ?? slo.ttftP95,
          itlP95Seconds: wishes.slo.itlP95Seconds ?? slo.itlP95,
          endToEndP95Seconds: wishes.slo.endToEndP95Seconds ?? slo.endToEndP95,
        },
        lengths: chooseLengths(wishes, entry.model, entry.assumedLengths, entry.lengthLimits),
        shapes: config.shapes
          .map((shape) => ({ ...shape, gpu: shape.gpu ?? findInstanceType(shape.instanceType)!.gpu }))
          .filter((shape) => entry.shapes?.includes(shapeName(shape)) ?? true),
        coldStart: entry.coldStart ?? {},
        prices: config.prices,
      }
    })
}

/** Longest request that must fit where nobody states one, over the mean. */
const longestOverMean = 4

function chooseLengths(
  wishes: Wishes,
  model: string,
  assumed?: { inputTokens: number; outputTokens: number },
  limits?: { inputTokens: number; outputTokens: number },
): RequestLengths {
  const inputTokens = wishes.inputTokens ?? assumed?.inputTokens
  const outputTokens = wishes.outputTokens ?? assumed?.outputTokens
  if (inputTokens === undefined || outputTokens === undefined) {
    throw new LlmscaleError('usage', 'LENGTHS_UNKNOWN', `Nothing says how long requests to ${model} are.`, [
      '--input-tokens 1000 --output-tokens 300',
      'Or assumedLengths of the workload in llmscale.yaml.',
    ])
  }
  return {
    inputTokens,
    outputTokens,
    maximumInputTokens:
      wishes.maximumInputTokens ?? limits?.inputTokens ?? Math.ceil(inputTokens * longestOverMean),
    maximumOutputTokens:
      wishes.maximumOutputTokens ?? limits?.outputTokens ?? Math.ceil(outputTokens * longestOverMean),
  }
}

/** Sizes every shape, cheapest request first; throws the refusal where none is left. */
function sizeShapes(question: Question): SizedModel {
  const { model, region, lengths } = question
  const shapes: SizedShape[] = []
  const refusals: { name: string; error: LlmscaleError }[] = []
  for (const shape of question.shapes) {
    try {
      const capacity = sizeReplica({ ...question, modelName: model, shape })
      shapes.push(
        toResult(capacity, nodePrice({ ...shape, region, capacityType: 'on-demand' }, question.prices)),
      )
    } catch (error) {
      if (!(error instanceof LlmscaleError)) throw error
      refusals.push({ name: shapeName(shape), error })
    }
  }
  if (shapes.length === 0) throw noShapeFits(model, refusals)
  const cost = ({ price }: SizedShape) => price?.usdPerThousandRequests ?? Number.POSITIVE_INFINITY
  return {
    model,
    region,
    lengths,
    shapes: shapes.sort((a, b) => (cost(a) === cost(b) ? 0 : cost(a) - cost(b))),
    refused: refusals.map(({ name, error }) => ({ name, code: error.code, message: error.message })),
  }
}

function noShapeFits(model: string, refusals: { error: LlmscaleError }[]): LlmscaleError {
  if (refusals.length === 1) return refusals[0]!.error
  return new LlmscaleError(
    'infeasible',
    'NO_SHAPE_FITS',
    `${model} runs on none of ${refusals.length} shapes:\n${refusals.map(({ error }) => `  ${error.message}`).join('\n')}`,
    [...new Set(refusals.flatMap(({ error }) => error.tryThis))],
  )
}

function toResult(capacity: ReplicaCapacity, price: NodePrice | undefined): SizedShape {
  const { shape, requestsPerSecond, lengths } = capacity
  const nodes = nodesPerReplica(shape.gpusPerReplica, findInstanceType(shape.instanceType)!.gpusPerNode)
  const priced = (node: NodePrice) => {
    const usdPerReplicaHour = node.usdPerHour * nodes
    const usdPerRequest = usdPerReplicaHour / 3600 / requestsPerSecond
    return {
      usdPerNodeHour: node.usdPerHour,
      usdPerReplicaHour,
      usdPerThousandRequests: 1000 * usdPerRequest,
      usdPerMillionTokens: (1e6 * usdPerRequest) / (lengths.inputTokens + lengths.outputTokens),
      provenance: node.provenance,
      source: node.source,
      asOf: node.asOf,
    }
  }
  return {
    name: shapeName(shape),
    shape,
    provenance: capacity.provenance,
    source: capacity.source,
    weightBytes: capacity.weightBytes,
    kvCacheBytesPerToken: capacity.kvCacheBytesPerToken,
    kvCacheTokens: capacity.kvCacheTokens,
    maximumConcurrency: capacity.maximumConcurrency,
    bindingLimit: capacity.bindingLimit,
    ttftP95Seconds: capacity.ttftSeconds,
    itlP95Seconds: capacity.itlSeconds,
    prefillTokensPerSecond: capacity.prefillTokensPerSecond,
    decodeTokensPerSecond: capacity.decodeTokensPerSecond,
    requestsPerSecond,
    coldStart: capacity.coldStart,
    price: price === undefined ? null : priced(price),
  }
}

function describe({ slo }: Question, answer: SizedModel): string {
  const { model, region, lengths, shapes, refused } = answer
  const limits = [
    ['P95 TTFT', slo.ttftP95Seconds],
    ['P95 ITL', slo.itlP95Seconds],
    ['P95 end to end', slo.endToEndP95Seconds],
  ].flatMap(([name, seconds]) =>
    seconds === undefined ? [] : [`${name} at most ${formatDuration(Number(seconds))}`],
  )
  const heading = [
    `${model} in ${region}, one replica`,
    `Requests: mean ${count(lengths.inputTokens)} input and ${count(lengths.outputTokens)} output tokens, ` +
      `at most ${count(lengths.maximumInputTokens)} and ${count(lengths.maximumOutputTokens)}`,
    `Service level: ${limits.length === 0 ? 'none given, memory alone limits' : limits.join(', ')}`,
  ]
  const table = shapes.length === 1 ? tabulateShape(shapes[0]!) : tabulateShapes(shapes)
  const sources = [...new Set(shapes.map(({ source }) => `Source: ${source}`))]
  const rest = refused.map(({ message }) => `Not possible: ${message}`)
  return [...heading, '', table, ...sources, ...(rest.length > 0 ? ['', ...rest] : [])].join('\n')
}

const limitNames = {
  ttft: 'TTFT',
  itl: 'ITL',
  'end-to-end': 'end to end',
  'kv-cache': 'KV cache',
  'batch-limit': 'batch limit of the engine',
} as const

function tabulateShape(sized: SizedShape): string {
  const { price, coldStart, provenance } = sized
  const parts = `node ${coldStart.nodeSeconds} + image ${coldStart.imageSeconds} + weights ${coldStart.weightsSeconds} + warm-up ${coldStart.warmUpSeconds}`
  const rows: [string, string, string][] = [
    ['shape', sized.name, ''],
    ['weights', `${(sized.weightBytes / 1e9).toFixed(1)} GB`, provenance],
    [
      'KV cache',
      `${count(sized.kvCacheTokens)} tokens of ${(sized.kvCacheBytesPerToken / 1024).toFixed(0)} KiB`,
      provenance,
    ],
    [
      'running requests',
      `${count(sized.maximumConcurrency)}, limit: ${limitNames[sized.bindingLimit]}`,
      provenance,
    ],
    ['P95 TTFT', milliseconds(sized.ttftP95Seconds), provenance],
    ['P95 ITL', milliseconds(sized.itlP95Seconds), provenance],
    ['prefill', `${count(sized.prefillTokensPerSecond)} tokens/s`, provenance],
    ['decode', `${count(sized.decodeTokensPerSecond)} tokens/s`, provenance],
    ['load', `${sized.requestsPerSecond.toPrecision(3)} requests/s`, provenance],
    ...(price === null
      ? [['price', 'not known', ''] as [string, string, string]]
      : ([
          [
            'price of a node',
            `${price.usdPerNodeHour.toFixed(2)} USD/h on demand${price.asOf && `, ${price.asOf}`}`,
            price.provenance,
          ],
          ['price of a replica', `${price.usdPerReplicaHour.toFixed(2)} USD/h`, price.provenance],
          ['1,000 requests', `${price.usdPerThousandRequests.toPrecision(3)} USD`, 'estimated'],
          ['1 M tokens', `${price.usdPerMillionTokens.toPrecision(3)} USD, input and output`, 'estimated'],
        ] as [string, string, string][])),
    ['cold start', `${coldStart.totalSeconds} s`, coldStart.provenance],
    ['', parts, ''],
  ]
  return formatTable([{ header: 'Figure' }, { header: 'Value' }, { header: 'Label' }], rows)
}

function tabulateShapes(shapes: readonly SizedShape[]): string {
  const columns = ['Run', 'TTFT', 'ITL', 'Req/s', 'USD/h', 'USD/1k', 'Start'].map(
    (header) => ({ header, align: 'right' }) as const,
  )
  const rows = shapes.map((sized) => [
    sized.name,
    count(sized.maximumConcurrency),
    milliseconds(sized.ttftP95Seconds),
    milliseconds(sized.itlP95Seconds),
    sized.requestsPerSecond.toPrecision(3),
    sized.price?.usdPerReplicaHour.toFixed(2) ?? '?',
    sized.price?.usdPerThousandRequests.toPrecision(3) ?? '?',
    `${sized.coldStart.totalSeconds} s`,
  ])
  const prices = shapes.flatMap(({ price }) =>
    price ? [[price.provenance, price.asOf].join(' ').trim()] : [],
  )
  const rest = new Set(shapes.map(({ provenance }) => provenance))
  const legend =
    'Run: requests running at the limit; USD/h: a replica on demand;\n' +
    `USD/1k: a thousand requests. Prices ${[...new Set(prices)].join(', ') || 'unknown'}, all else ${[...rest].join(', ')}.`
  return `${formatTable([{ header: 'Shape' }, ...columns], rows)}\n${legend}`
}

function describeErrorBands(): string {
  const { itl, ttft } = errorBands
  return (
    `Error band: 80 % of public measurements lie at ${itl.low}–${itl.high} times the predicted\n` +
    `ITL and ${ttft.low}–${ttft.high} times the predicted TTFT. Measure before you buy.`
  )
}

function milliseconds(seconds: number): string {
  return seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : `${count(seconds * 1000)} ms`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
