import { shapeName } from '../catalog/gpu-shape.js'
import { formatDuration } from '../kit/time.js'
import type { RankedShape, ShapeRanking, ShapesToRank } from '../planning/rank-shapes.js'
import { errorBands, type ReplicaCapacity } from '../sizing/replica-capacity.js'
import type { Table } from './table.js'

/** What is asked, in three lines: model and region, lengths of requests, service level. */
export function describeWanted({ modelName, region, lengths, slo }: ShapesToRank): string {
  const limits = (
    [
      ['P95 TTFT', slo.ttftP95Seconds],
      ['P95 ITL', slo.itlP95Seconds],
      ['P95 end to end', slo.endToEndP95Seconds],
    ] as const
  ).flatMap(([name, seconds]) =>
    seconds === undefined ? [] : [`${name} at most ${formatDuration(seconds)}`],
  )
  return [
    `${modelName} in ${region}, one replica`,
    `Requests: mean ${count(lengths.inputTokens)} input and ${count(lengths.outputTokens)} output tokens, ` +
      `at most ${count(lengths.maximumInputTokens)} and ${count(lengths.maximumOutputTokens)}`,
    `Service level: ${limits.length === 0 ? 'none given, memory alone limits' : limits.join(', ')}`,
  ].join('\n')
}

/** All figures of a shape where there is one, else a row for each. */
export function tabulateRanking({ shapes }: ShapeRanking): Table {
  return shapes.length === 1 ? tabulateShape(shapes[0]!) : tabulateShapes(shapes)
}

/** What stands below the table: its legend, sources, and why other shapes are not possible. */
export function describeRanking({ shapes, refused }: ShapeRanking): string {
  const sources = [...new Set(shapes.map(({ capacity }) => `Source: ${capacity.source}`))]
  const rest = refused.map(({ error }) => `Not possible: ${error.message}`)
  return [
    ...(shapes.length === 1 ? [] : [describeColumns(shapes)]),
    ...sources,
    ...(rest.length > 0 ? ['', ...rest] : []),
  ].join('\n')
}

/** How far from the prediction measured latencies lie. */
export function describeErrorBands(): string {
  const { itl, ttft } = errorBands
  return (
    `Error band: 80 % of public measurements lie at ${itl.low}–${itl.high} times the predicted\n` +
    `ITL and ${ttft.low}–${ttft.high} times the predicted TTFT. Measure before you buy.`
  )
}

const limitNames: Record<ReplicaCapacity['bindingLimit'], string> = {
  ttft: 'TTFT',
  itl: 'ITL',
  'end-to-end': 'end to end',
  'kv-cache': 'KV cache',
  'batch-limit': 'batch limit of the engine',
}

function tabulateShape({ capacity, price }: RankedShape): Table {
  const { coldStart, provenance } = capacity
  const parts = `node ${coldStart.nodeSeconds} + image ${coldStart.imageSeconds} + weights ${coldStart.weightsSeconds} + warm-up ${coldStart.warmUpSeconds}`
  return {
    columns: [{ header: 'Figure' }, { header: 'Value' }, { header: 'Label' }],
    rows: [
      ['shape', shapeName(capacity.shape), ''],
      ['weights', `${(capacity.weightBytes / 1e9).toFixed(1)} GB`, provenance],
      [
        'KV cache',
        `${count(capacity.kvCacheTokens)} tokens of ${(capacity.kvCacheBytesPerToken / 1024).toFixed(0)} KiB`,
        provenance,
      ],
      [
        'running requests',
        `${count(capacity.maximumConcurrency)}, limit: ${limitNames[capacity.bindingLimit]}`,
        provenance,
      ],
      ['P95 TTFT', milliseconds(capacity.ttftSeconds), provenance],
      ['P95 ITL', milliseconds(capacity.itlSeconds), provenance],
      ['prefill', `${count(capacity.prefillTokensPerSecond)} tokens/s`, provenance],
      ['decode', `${count(capacity.decodeTokensPerSecond)} tokens/s`, provenance],
      ['load', `${capacity.requestsPerSecond.toPrecision(3)} requests/s`, provenance],
      ...tabulatePrice(price),
      ['cold start', `${coldStart.totalSeconds} s`, coldStart.provenance],
      ['', parts, ''],
    ],
  }
}

function tabulatePrice(price: RankedShape['price']): string[][] {
  if (price === null) return [['price', 'not known', '']]
  return [
    [
      'price of a node',
      `${price.usdPerNodeHour.toFixed(2)} USD/h on demand${price.asOf && `, ${price.asOf}`}`,
      price.provenance,
    ],
    ['price of a replica', `${price.usdPerReplicaHour.toFixed(2)} USD/h`, price.provenance],
    ['1,000 requests', `${price.usdPerThousandRequests.toPrecision(3)} USD`, 'estimated'],
    ['1 M tokens', `${price.usdPerMillionTokens.toPrecision(3)} USD, input and output`, 'estimated'],
  ]
}

function tabulateShapes(shapes: readonly RankedShape[]): Table {
  const figures = ['Run', 'TTFT', 'ITL', 'Req/s', 'USD/h', 'USD/1k', 'Start']
  return {
    columns: [{ header: 'Shape' }, ...figures.map((header) => ({ header, align: 'right' as const }))],
    rows: shapes.map(({ capacity, price }) => [
      shapeName(capacity.shape),
      count(capacity.maximumConcurrency),
      milliseconds(capacity.ttftSeconds),
      milliseconds(capacity.itlSeconds),
      capacity.requestsPerSecond.toPrecision(3),
      price?.usdPerReplicaHour.toFixed(2) ?? '?',
      price?.usdPerThousandRequests.toPrecision(3) ?? '?',
      `${capacity.coldStart.totalSeconds} s`,
    ]),
  }
}

function describeColumns(shapes: readonly RankedShape[]): string {
  const prices = shapes.flatMap(({ price }) =>
    price ? [[price.provenance, price.asOf].join(' ').trim()] : [],
  )
  const rest = new Set(shapes.map(({ capacity }) => capacity.provenance))
  return (
    'Run: requests running at the limit; USD/h: a replica on demand;\n' +
    `USD/1k: a thousand requests. Prices ${[...new Set(prices)].join(', ') || 'unknown'}, all else ${[...rest].join(', ')}.`
  )
}

function milliseconds(seconds: number): string {
  return seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : `${count(seconds * 1000)} ms`
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
