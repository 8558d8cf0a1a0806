import type { ClusterConfig } from '../config/schema.js'
import type { Workload } from '../kit/workload.js'

/** What llmscale.yaml says of a workload; undefined for one that it no longer has. */
export function findWorkloadEntry(
  { workloads }: ClusterConfig,
  { model, tenant, region }: Workload,
): ClusterConfig['workloads'][number] | undefined {
  return workloads.find(
    (entry) =>
      entry.model === model &&
      entry.tenant === tenant &&
      (entry.regions === undefined || entry.regions.includes(region)),
  )
}
