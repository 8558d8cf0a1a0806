import { workloadId } from '../../kit/workload.js'
import { type DemandHistory, demandMetrics, maskReasons } from '../../metrics/demand-history.js'
import type { Episode } from './episode.js'

/** A history whose episodes are masked with their kind: the columns of those workloads are copied, others shared. */
export function maskEpisodes(history: DemandHistory, episodes: readonly Episode[]): DemandHistory {
  const byWorkload = new Map<string, Episode[]>()
  for (const episode of episodes)
    for (const workload of episode.workloads) {
      const id = workloadId(workload)
      byWorkload.set(id, [...(byWorkload.get(id) ?? []), episode])
    }
  if (byWorkload.size === 0) return history
  const workloads = history.workloads.map((demand) => {
    const own = byWorkload.get(workloadId(demand.workload))
    if (own === undefined) return demand
    const masked = { ...demand, mask: demand.mask.slice() }
    for (const metric of demandMetrics) masked[metric] = demand[metric].slice()
    for (const { kind, from, to } of own)
      for (let step = from; step < to; step++) {
        if (masked.mask[step] !== 0) continue
        masked.mask[step] = maskReasons.indexOf(kind)
        for (const metric of demandMetrics) masked[metric][step] = Number.NaN
      }
    return masked
  })
  return { ...history, workloads }
}
