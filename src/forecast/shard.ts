import { digestText } from '../kit/digest.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'

/** One of `of` parts of a fleet, counted from 0 as the pods of an Indexed Job are. */
export interface Shard {
  index: number
  of: number
}

/**
 * The last line of the file of a shard: without it nobody could tell a shard that has no workload from one that is
 * missing, nor a file that is cut off from a whole one.
 */
export function markShard({ index, of }: Shard): string {
  return `# shard ${index}/${of}\n`
}

/** The rows of a file of a shard, and which it is; undefined where it does not say. */
export function readShardMark(text: string): { rows: string; shard: Shard | undefined } {
  const start = text.lastIndexOf('# shard ')
  const [, index, of] = /^# shard (\d+)\/(\d+)\n$/.exec(start < 0 ? '' : text.slice(start)) ?? []
  if (index === undefined) return { rows: text, shard: undefined }
  return { rows: text.slice(0, start), shard: { index: Number(index), of: Number(of) } }
}

/** The part that a workload belongs to: by the digest of its id, so that a workload more moves no other. */
export function shardOf(workload: Workload, of: number): number {
  return Number.parseInt(digestText(workloadId(workload)).slice(0, 12), 16) % of
}

/** Ids of the workloads that a shard forecasts; it reads the history of all of them, as models of the fleet do. */
export function listShard({ workloads }: DemandHistory, { index, of }: Shard): string[] {
  return workloads
    .filter(({ workload }) => shardOf(workload, of) === index)
    .map(({ workload }) => workloadId(workload))
}
