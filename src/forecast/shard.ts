import { digestText } from '../kit/digest.js'
import { type Workload, workloadId } from '../kit/workload.js'
import type { DemandHistory } from '../metrics/demand-history.js'

/** One of `of` parts of a fleet, counted from 0 as the pods of an Indexed Job are. */
export interface Shard {
  index: number
  of: number
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
