import { dnsName } from '../kit/names.js'

/**
 * Whether a name that a person gave stands for a resource of a region: its own name, a workload
 * (`chat-70b/us-east-1[/tenant]`), or a pool (`us-east-1/p5.48xlarge/on-demand`), which has resources in every zone.
 */
export function namesResource(
  given: string,
  resource: string,
  { environment, region }: { environment: string; region: string },
): boolean {
  if (given === resource) return true
  const parts = given.split('/')
  const [place, instanceType, capacityType] = parts
  if (parts.length === 3 && place === region) {
    // `prod-p5-48xlarge-spot-05f87d`, `prod-p5-48xlarge-spot-us-east-1a-…`: what follows is digits or a zone.
    const pool = dnsName(`${environment}-${instanceType}-${capacityType}`).replace(/[0-9a-f]{6}$/, '')
    return resource.startsWith(pool)
  }
  // A model's name may hold slashes too: each of them may be the one before the region.
  return parts.some((part, index) => {
    if (index === 0 || part !== region) return false
    const model = parts.slice(0, index).join('/')
    const tenant = parts.slice(index + 1).join('/')
    return dnsName(tenant === '' ? model : `${model}/${tenant}`) === resource
  })
}
