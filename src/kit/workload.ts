/** What is planned for: one model in one region, for one tenant or for all. Defined here because every room names it. */
export interface Workload {
  model: string
  region: string
  tenant?: string
}

/** `m-large/us-east-1` or `m-large/us-east-1/tenant-a`: how people and overrides name a workload. */
export function workloadId(workload: Workload): string {
  const id = `${workload.model}/${workload.region}`
  return workload.tenant === undefined ? id : `${id}/${workload.tenant}`
}

/** Whether one of some texts names a workload: model, model/region or model/region/tenant. */
export function isNamed(workload: Workload, names: readonly string[]): boolean {
  const { model, region } = workload
  return [model, workloadId({ model, region }), workloadId(workload)].some((name) => names.includes(name))
}
