import { findServers, serverContainers } from './pods.js'
import type { Breach, Policy } from './policy.js'
import { text } from './properties.js'

const probeNames = ['startupProbe', 'readinessProbe', 'livenessProbe']

/**
 * The container that serves has all three probes: a model takes minutes to load, which only a startup probe allows
 * without a slow liveness probe. Followers of a LeaderWorkerSet answer no requests and need none.
 */
export function probes(): Policy {
  return {
    name: 'probes',
    description: 'Servers have startup, readiness and liveness probes.',
    looksAt: 'resource',
    check({ resources }) {
      return findServers(resources)
        .filter(({ answers }) => answers)
        .flatMap((pods) =>
          serverContainers(pods).flatMap((container): Breach[] => {
            const missing = probeNames.filter((probe) => container[probe] === undefined)
            if (missing.length === 0) return []
            const message = `container ${text(container['name'])} has no ${missing.join(', ')}: add what is missing`
            return [{ subject: pods.subject, message }]
          }),
        )
    },
  }
}
