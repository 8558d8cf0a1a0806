import { readFile } from 'node:fs/promises'
import { Flags } from '@oclif/core'
import { z } from 'zod'
import type { Architecture } from '../catalog/architecture.js'
import { type GpuShape, parseShape, precisions, shapeName } from '../catalog/gpu-shape.js'
import { findGpu, gpuNames } from '../catalog/gpus.js'
import { findInstanceType, instanceTypeNames } from '../catalog/instance-types.js'
import { findModel, models } from '../catalog/models.js'
import { BaseCommand } from '../cli/base-command.js'
import { duration } from '../cli/flags.js'
import { environmentOf, readConfig } from '../cli/project.js'
import { formatTable } from '../cli/table.js'
import { parseHuggingFaceConfig } from '../config/hugging-face.js'
import type { Config } from '../config/schema.js'
import { LlmscaleError } from '../kit/errors.js'
import { nearestName } from '../kit/names.js'
import { completeLengths, shapesToRank } from '../planning/place-workloads.js'
import { rankShapes, type ShapeRanking, type ShapesToRank } from '../planning/rank-shapes.js'
import {
  describeErrorBands,
  describeRanking,
  describeWanted,
  tabulateRanking,
} from '../review/size-tables.js'
import { errorBands, type RequestLengths } from '../sizing/replica-capacity.js'
import type { ServiceLevel } from '../sizing/size-replica.js'

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
    const ranked = questions.map((wanted) => ({ wanted, ranking: rankShapes(wanted) }))
    for (const { wanted, ranking } of ranked) {
      const { columns, rows } = tabulateRanking(ranking)
      this.log(`${describeWanted(wanted)}\n\n${formatTable(columns, rows)}\n${describeRanking(ranking)}\n`)
    }
    this.log(describeErrorBands())
    return { errorBands, models: ranked.map(({ wanted, ranking }) => toResult(wanted, ranking)) }
  }
}

async function askFlags(
  model: string | undefined,
  shapes: readonly string[],
  region: string,
  wishes: Wishes,
): Promise<ShapesToRank> {
  if (model === undefined) {
    throw new LlmscaleError('usage', 'MODEL_NEEDED', 'With --shape a model is needed.', [
      '--model llama-3.1-8b',
    ])
  }
  return {
    modelName: model,
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
): ShapesToRank[] {
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
      const lengths = chooseLengths(wishes, entry.model, entry.assumedLengths, entry.lengthLimits)
      const wanted = shapesToRank(config, entry, (entry.regions ?? regions)[0]!, lengths)
      const { slo } = wanted
      return {
        ...wanted,
        slo: {
          ttftP95Seconds: wishes.slo.ttftP95Seconds ?? slo.ttftP95Seconds,
          itlP95Seconds: wishes.slo.itlP95Seconds ?? slo.itlP95Seconds,
          endToEndP95Seconds: wishes.slo.endToEndP95Seconds ?? slo.endToEndP95Seconds,
        },
      }
    })
}

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
  return completeLengths(
    { inputTokens, outputTokens },
    {
      inputTokens: wishes.maximumInputTokens ?? limits?.inputTokens,
      outputTokens: wishes.maximumOutputTokens ?? limits?.outputTokens,
    },
  )
}

function toResult({ modelName, region, lengths }: ShapesToRank, ranking: ShapeRanking): SizedModel {
  return {
    model: modelName,
    region,
    lengths,
    shapes: ranking.shapes.map(({ capacity, price }) => ({
      name: shapeName(capacity.shape),
      shape: capacity.shape,
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
      requestsPerSecond: capacity.requestsPerSecond,
      coldStart: capacity.coldStart,
      price,
    })),
    refused: ranking.refused.map(({ name, error }) => ({ name, code: error.code, message: error.message })),
  }
}
