import type { Breach, Policy, PolicyResource } from './policy.js'
import { property, text } from './properties.js'

/** Parts of other resources, which AWS gives no tags. */
const untagged = [
  'aws:autoscaling/attachment:Attachment',
  'aws:autoscaling/lifecycleHook:LifecycleHook',
  'aws:autoscaling/schedule:Schedule',
  'aws:autoscaling/tag:Tag',
  'aws:cloudwatch/eventTarget:EventTarget',
  'aws:iam/rolePolicy:RolePolicy',
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment',
  'aws:sqs/queuePolicy:QueuePolicy',
  'aws:ec2/tag:Tag',
]

/** Each AWS resource, and what Karpenter launches, has these tags, none of them empty. */
export function requiredTags(keys: readonly string[]): Policy {
  return {
    name: 'required-tags',
    description: `AWS resources have the tags ${keys.join(', ') || '(none is required)'}.`,
    looksAt: 'resource',
    check({ resources }) {
      if (keys.length === 0)
        return {
          notChecked: 'no tag is required: set policies.requiredTags.keys, or tags of the environment',
        }
      return resources.flatMap((resource): Breach[] => {
        const tags = tagsOf(resource)
        if (tags === undefined) return []
        const missing = keys.filter((key) => text(property(tags.value, key)) === '')
        if (missing.length === 0) return []
        const message = `lacks ${tags.field} ${missing.join(', ')}: add them under tags: of the environment`
        return [{ subject: resource.name, message }]
      })
    },
  }
}

/** The tags of a resource that can have some. */
function tagsOf({ type, properties }: PolicyResource): { field: string; value: unknown } | undefined {
  if (properties['kind'] === 'EC2NodeClass')
    return { field: 'spec.tags', value: property(properties, 'spec', 'tags') }
  if (!type.startsWith('aws:') || untagged.includes(type)) return undefined
  return { field: 'tags', value: properties['tags'] }
}
