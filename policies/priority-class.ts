import { findServers } from './pods.js'
import type { Policy } from './policy.js'
import { text } from './properties.js'

/** Servers name a PriorityClass: where nodes are short, it decides who waits. */
export function priorityClass(): Policy {
  return {
    name: 'priority-class',
    description: 'Servers have a PriorityClass.',
    looksAt: 'resource',
    check({ resources }) {
      return findServers(resources)
        .filter(({ spec }) => text(spec['priorityClassName']) === '')
        .map(({ subject }) => ({
          subject,
          message: 'has no priorityClassName: set priority of its workload',
        }))
    },
  }
}
