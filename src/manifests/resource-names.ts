import { dnsName } from '../kit/names.js'

/**
 * The names that resources of a workload or a pool may have, for the way in which people name them:
 * `chat-70b/us-east-1[/tenant]`, `us-east-1/p5.48xlarge/on-demand`. A pool has several, one a zone: a name that ends
 * in `*` stands for all that begin so. A name without a slash is a resource's own.
 */
export function resourceNames(name: string, environment: string): string[] {
  const parts = name.split('/')
  if (parts.length < 2) return []
  const [, instanceType, capacityType] = parts
  // A model's name may hold slashes too: each of them may be the one before the region.
  const workloads = parts.slice(1).map((_region, index) => {
    const model = parts.slice(0, index + 1).join('/')
    const tenant = parts.slice(index + 2).join('/')
    return dnsName(tenant === '' ? model : `${model}/${tenant}`)
  })
  if (parts.length !== 3) return workloads
  const pool = dnsName(`${environment}-${instanceType}-${capacityType}`)
  return [...workloads, pool.replace(/-[0-9a-f]{6}$/, '-*')]
}
