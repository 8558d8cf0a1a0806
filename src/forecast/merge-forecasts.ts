import { LlmscaleError } from '../kit/errors.js'
import { type Workload, workloadId } from '../kit/workload.js'
import { readShardMark, type Shard, shardOf } from './shard.js'

/** A forecast file of one shard, as CSV. */
export interface ShardFile {
  path: string
  text: string
}

interface Block {
  workload: Workload
  rows: string
}

interface ShardTable {
  path: string
  shard: Shard
  header: string
  /** First and last timestamp, the same in all files of a forecast. */
  span: string
  blocks: Block[]
}

const field = '("(?:[^"]|"")*"|[^,"\\n]*)'
const rowPattern = new RegExp(`([^,"\\n]+),${field},${field},${field},([^"\\n]*)\\n`, 'y')

/**
 * The forecast file of a whole fleet from those of its shards, in parts: the bytes of a run without shards.
 *
 * @throws LlmscaleError `badData` FORECAST_UNREADABLE, SHARD_UNKNOWN, SHARDS_DIFFER and SHARDS_INCOMPLETE
 */
export function mergeForecasts(files: readonly ShardFile[]): string[] {
  const tables = files.map(readShard)
  requireShards(tables)
  const filled = tables.filter(({ blocks }) => blocks.length > 0)
  const [first] = filled
  if (first === undefined) throw incomplete('no file has a workload', files.length)
  const other = filled.find(({ header, span }) => header !== first.header || span !== first.span)
  if (other !== undefined)
    throw new LlmscaleError(
      'badData',
      'SHARDS_DIFFER',
      `${other.path} has other columns or times (${other.span}) than ${first.path} (${first.span}): they are not of one forecast`,
      ['Forecast all shards with the same demand, --as-of, --step and --horizon.'],
    )
  const blocks = filled.flatMap((table) => table.blocks)
  const ids = new Map(blocks.map((block) => [block, workloadId(block.workload)]))
  blocks.sort((a, b) => (ids.get(a)! < ids.get(b)! ? -1 : 1))
  return [first.header, ...blocks.map(({ rows }) => rows)]
}

/** Every shard must be there once, with its own workloads. */
function requireShards(tables: readonly ShardTable[]): void {
  const [
    {
      path: first,
      shard: { of },
    },
  ] = tables as [ShardTable]
  const pathOf = new Map<number, string>()
  for (const { path, shard, blocks } of tables) {
    if (shard.of !== of) throw incomplete(`${first} is one of ${of} shards, ${path} of ${shard.of}`, of)
    const before = pathOf.get(shard.index)
    if (before !== undefined)
      throw incomplete(`${before} and ${path} are both shard ${shard.index}/${of}`, of)
    const stray = blocks.find(({ workload }) => shardOf(workload, of) !== shard.index)
    if (stray !== undefined)
      throw incomplete(
        `${path} is shard ${shard.index}/${of}, and ${workloadId(stray.workload)} is not of it`,
        of,
      )
    pathOf.set(shard.index, path)
  }
  const missing = Array.from({ length: of }, (_, index) => index).filter((index) => !pathOf.has(index))
  if (missing.length > 0)
    throw incomplete(`no file is shard ${missing.map((index) => `${index}/${of}`).join(', ')}`, of)
}

function incomplete(what: string, of: number): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'SHARDS_INCOMPLETE',
    `${what}: these are not the ${of} shards of a forecast`,
    [`Name the files of all shards, as many as --shard INDEX/COUNT had for COUNT.`],
  )
}

function readShard({ path, text: whole }: ShardFile): ShardTable {
  const { rows: text, shard } = readShardMark(whole)
  const start = text.indexOf('\n') + 1
  const header = text.slice(0, start)
  if (!header.startsWith('timestamp,model,region,tenant,metric,')) throw unreadable(path, 1)
  if (shard === undefined)
    throw new LlmscaleError(
      'badData',
      'SHARD_UNKNOWN',
      `${path} does not say which shard it is: it was written without --shard, or is cut off`,
      ['Write it again with --shard INDEX/COUNT.'],
    )
  const blocks: Block[] = []
  let [from, names, firstTime, lastTime] = [start, '', '', '']
  rowPattern.lastIndex = start
  for (let at = start; at < text.length; at = rowPattern.lastIndex) {
    const row = rowPattern.exec(text)
    if (row === null) throw unreadable(path, text.slice(0, at).split('\n').length)
    const [, time, model, region, tenant] = row as unknown as [string, string, string, string, string]
    const namesHere = `${model},${region},${tenant}`
    if (namesHere !== names) {
      if (names !== '') blocks.at(-1)!.rows = text.slice(from, at)
      const workload = { model: unquote(model), region: unquote(region) }
      blocks.push({
        workload: tenant === '' ? workload : { ...workload, tenant: unquote(tenant) },
        rows: '',
      })
      ;[from, names] = [at, namesHere]
    }
    if (firstTime === '') firstTime = time
    lastTime = time
  }
  if (names !== '') blocks.at(-1)!.rows = text.slice(from)
  return { path, shard, header, span: `${firstTime} … ${lastTime}`, blocks }
}

function unreadable(path: string, line: number): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'FORECAST_UNREADABLE',
    `${path}, line ${line}: this is not a row of a forecast file`,
    ['Name files that llmscale forecast --out wrote.'],
  )
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text
}
