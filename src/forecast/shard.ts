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

/**
 * The workloads of a history that a shard forecasts, on the same grid: start and length are those of the whole fleet, so
 * paths follow the same past origins in every shard.
 */
export function takeShard(history: DemandHistory, { index, of }: Shard): DemandHistory {
  return {
    ...history,
    workloads: history.workloads.filter(({ workload }) => shardOf(workload, of) === index),
  }
}
