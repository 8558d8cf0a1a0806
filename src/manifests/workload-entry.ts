import type { Config } from '../config/schema.js'
import type { Workload } from '../kit/workload.js'

/** What llmscale.yaml says of a workload; undefined for one that it no longer has. */
export function findWorkloadEntry(
  { workloads }: Config,
  { model, tenant, region }: Workload,
): Config['workloads'][number] | undefined {
  return workloads.find(
    (entry) =>
      entry.model === model &&
      entry.tenant === tenant &&
      (entry.regions === undefined || entry.regions.includes(region)),
  )
}
