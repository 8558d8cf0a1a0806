import type { Config } from '../src/config/schema.js'
import { workloadId } from '../src/kit/workload.js'
import { wholeNodes } from '../src/planning/node-group.js'
import {
  countFloorNodes,
  type FloorKeeper,
  findNodeNeeds,
  type NodeNeeds,
  replicaNodes,
} from './node-needs.js'
import { type Breach, type NodeQuota, noPlan, type Policy } from './policy.js'

/**
 * What a plan promises can be launched: all floors together and each hard maximum by itself fit into the pools, and the
 * pools into `poolLimits:` and the known quotas. Maxima of workloads that peak at different times may overlap.
 */
export function poolLimits(limits: Config['poolLimits'], keeper: FloorKeeper): Policy {
  return {
    name: 'pool-limits',
    description: 'Floors and maxima fit into the pools, and the pools into poolLimits and quotas.',
    looksAt: 'plan',
    check({ plan, now, quotas = [] }) {
      if (plan === undefined) return noPlan
      return findNodeNeeds(plan).flatMap((needs) => [
        ...checkWorkloads(needs, countFloorNodes(needs, now, keeper)),
        ...checkLimits(needs, limits),
        ...checkQuotas(needs, quotas),
      ])
    },
  }
}

const nameOf = ({ instanceType, region }: NodeNeeds) => `${instanceType} in ${region}`
const replan = 'run `llmscale plan` again'

function checkWorkloads(needs: NodeNeeds, floorNodes: number): Breach[] {
  const { pools, maximumNodes, workloads } = needs
  if (pools.length === 0)
    return workloads
      .filter(({ hardMaximum }) => hardMaximum > 0)
      .map((workload) => ({
        subject: workloadId(workload),
        message: `has no pool of ${nameOf(needs)}: ${replan}`,
      }))
  const breaches: Breach[] = []
  if (floorNodes > maximumNodes)
    breaches.push({
      subject: nameOf(needs),
      message:
        `has pools of ${maximumNodes} nodes, and floors need ${floorNodes} at once: ${replan}, lower minReplicas or ` +
        'overrides, or raise its poolLimits',
    })
  for (const workload of workloads) {
    const nodes = wholeNodes(replicaNodes(needs, workload, workload.hardMaximum))
    if (nodes > maximumNodes)
      breaches.push({
        subject: workloadId(workload),
        message:
          `may have ${workload.hardMaximum} replicas, ${nodes} nodes of ${nameOf(needs)}, and its pools have ` +
          `${maximumNodes}: lower maxReplicas, or raise its poolLimits`,
      })
  }
  return breaches
}

function checkLimits(needs: NodeNeeds, limits: Config['poolLimits']): Breach[] {
  const limit = limits
    .filter((each) => each.instanceType === needs.instanceType)
    .filter(({ region = needs.region }) => region === needs.region)
    .reduce((least, { maxNodes }) => Math.min(least, maxNodes), Number.POSITIVE_INFINITY)
  if (needs.maximumNodes <= limit) return []
  const message = `has pools of ${needs.maximumNodes} nodes; poolLimits allow ${limit}: ${replan}, or raise them`
  return [{ subject: nameOf(needs), message }]
}

function checkQuotas(needs: NodeNeeds, quotas: readonly NodeQuota[]): Breach[] {
  return quotas
    .filter(({ region, instanceType }) => region === needs.region && instanceType === needs.instanceType)
    .flatMap(({ capacityType, nodes: allowed }) => {
      const nodes = needs.pools
        .filter((pool) => pool.capacityType === capacityType)
        .reduce((sum, pool) => sum + pool.maximumNodes, 0)
      if (nodes <= allowed) return []
      const message =
        `has ${capacityType} pools of ${nodes} nodes; the account’s quota allows ${allowed}: ask AWS for more, or ` +
        `set poolLimits to ${allowed}`
      return [{ subject: nameOf(needs), message }]
    })
}
