import { LlmscaleError } from '../kit/errors.js'
import { type Workload, workloadId } from '../kit/workload.js'
import { shardOf } from './shard.js'

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
  header: string
  /** First and last timestamp, the same in all files of a forecast. */
  span: string
  blocks: Block[]
}

const field = '("(?:[^"]|"")*"|[^,"\\n]*)'
const rowPattern = new RegExp(`([^,"\\n]+),${field},${field},${field},([^"\\n]*)\\n`, 'y')

/**
 * The forecast file of a whole fleet from those of its shards, in parts: the bytes of a run without shards. The digests of
 * the workloads tell whether these are the shards of one run.
 *
 * @throws LlmscaleError `badData` FORECAST_UNREADABLE, SHARDS_DIFFER and SHARDS_INCOMPLETE
 */
export function mergeForecasts(files: readonly ShardFile[]): string[] {
  const tables = files.map(readShard)
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
  requireShards(filled, files.length)
  const blocks = filled.flatMap((table) => table.blocks)
  const ids = new Map(blocks.map((block) => [block, workloadId(block.workload)]))
  blocks.sort((a, b) => (ids.get(a)! < ids.get(b)! ? -1 : 1))
  return [first.header, ...blocks.map(({ rows }) => rows)]
}

/** Each file must be a shard of its own. */
function requireShards(tables: readonly ShardTable[], of: number): void {
  const pathOf = new Map<number, string>()
  for (const { path, blocks } of tables) {
    const indices = new Set(blocks.map(({ workload }) => shardOf(workload, of)))
    if (indices.size > 1) throw incomplete(`${path} has workloads of several shards of ${of}`, of)
    const [index] = indices
    const before = pathOf.get(index!)
    if (before !== undefined) throw incomplete(`${before} and ${path} are the same shard of ${of}`, of)
    pathOf.set(index!, path)
  }
}

function incomplete(what: string, of: number): LlmscaleError {
  return new LlmscaleError(
    'badData',
    'SHARDS_INCOMPLETE',
    `${what}: these are not the ${of} shards of a forecast`,
    [`Name the files of all shards, as many as --shard INDEX/COUNT had for COUNT.`],
  )
}

function readShard({ path, text }: ShardFile): ShardTable {
  const start = text.indexOf('\n') + 1
  const header = text.slice(0, start)
  if (!header.startsWith('timestamp,model,region,tenant,metric,')) throw unreadable(path, 1)
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
  return { path, header, span: `${firstTime} … ${lastTime}`, blocks }
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
