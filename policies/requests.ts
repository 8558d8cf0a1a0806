import { findServers, mainContainers, requested, serverContainers } from './pods.js'
import type { Breach, Policy } from './policy.js'
import { text } from './properties.js'

/** Every container of a server asks for CPU and memory, and one for GPUs: else the scheduler overfills nodes. */
export function requests(): Policy {
  return {
    name: 'requests',
    description: 'Servers ask for CPU, memory and GPUs.',
    looksAt: 'resource',
    check({ resources }) {
      return findServers(resources).flatMap((pods): Breach[] => {
        const breaches = mainContainers(pods).flatMap((container): Breach[] => {
          const missing = ['cpu', 'memory'].filter((each) => requested(container, each) === undefined)
          if (missing.length === 0) return []
          const name = text(container['name'])
          const message = `container ${name} asks for no ${missing.join(' and no ')}: set resources.requests`
          return [{ subject: pods.subject, message }]
        })
        const hasGpus = serverContainers(pods).some((each) => requested(each, 'nvidia.com/gpu') !== undefined)
        if (!hasGpus)
          breaches.push({
            subject: pods.subject,
            message: 'has no container that asks for GPUs: set resources.limits["nvidia.com/gpu"]',
          })
        return breaches
      })
    },
  }
}
