import { findServers, type Pods } from './pods.js'
import type { Policy, PolicyResource } from './policy.js'
import { isBlock, property, text } from './properties.js'

/** Each server has a PodDisruptionBudget beside it that selects its pods by labels; else a drain takes all at once. */
export function disruptionBudget(): Policy {
  return {
    name: 'disruption-budget',
    description: 'Servers have a PodDisruptionBudget.',
    looksAt: 'stack',
    check({ resources }) {
      const budgets = resources.filter(({ properties }) => properties['kind'] === 'PodDisruptionBudget')
      return findServers(resources)
        .filter((pods) => pods.answers && !budgets.some((budget) => selects(budget, pods)))
        .map(({ subject }) => ({
          subject,
          message: 'has no PodDisruptionBudget that selects its pods: set disruptionBudget of its workload',
        }))
    },
  }
}

function selects({ properties }: PolicyResource, pods: Pods): boolean {
  const namespace = text(property(properties, 'metadata', 'namespace')) || 'default'
  const wanted = property(properties, 'spec', 'selector', 'matchLabels')
  if (namespace !== pods.namespace || !isBlock(wanted)) return false
  const labels = Object.entries(wanted)
  return labels.length > 0 && labels.every(([name, value]) => pods.labels[name] === value)
}
