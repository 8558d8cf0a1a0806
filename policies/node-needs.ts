import type { Environment } from '../src/config/environment.js'
import { isTimeZone } from '../src/kit/time.js'
import { type EpochSeconds, secondsPerWeek } from '../src/kit/units.js'
import type { CapacityPlan, Pool, WorkloadDecision } from '../src/planning/capacity-plan.js'
import { constantFloor } from '../src/planning/constant-floor.js'
import { requestedFloors } from '../src/planning/floor-template.js'
import { nodesPerReplica, wholeNodes } from '../src/planning/node-group.js'
import { localMinutes } from '../src/planning/week.js'

const minutesPerWeek = secondsPerWeek / 60

/** All pools and workloads of one instance type in one region: they share nodes, and no others. */
export interface NodeNeeds {
  region: string
  instanceType: string
  pools: Pool[]
  /** Nodes that all pools together may run. */
  maximumNodes: number
  workloads: WorkloadDecision[]
}

/** In the order in which the plan first names them. */
export function findNodeNeeds({ decision }: CapacityPlan): NodeNeeds[] {
  const all = new Map<string, NodeNeeds>()
  const needsOf = (region: string, instanceType: string): NodeNeeds => {
    const key = JSON.stringify([region, instanceType])
    const known = all.get(key)
    if (known !== undefined) return known
    const created = { region, instanceType, pools: [], maximumNodes: 0, workloads: [] }
    all.set(key, created)
    return created
  }
  for (const pool of decision.pools) {
    const needs = needsOf(pool.region, pool.instanceType)
    needs.pools.push(pool)
    needs.maximumNodes += pool.maximumNodes
  }
  for (const workload of decision.workloads)
    needsOf(workload.region, workload.shape.instanceType).workloads.push(workload)
  return [...all.values()]
}

/** Nodes of so many replicas of a workload on the pools of its group; 0 without pools. */
export function replicaNodes({ pools }: NodeNeeds, workload: WorkloadDecision, replicas: number): number {
  const gpusPerNode = pools[0]?.gpusPerNode
  return gpusPerNode === undefined
    ? 0
    : replicas * nodesPerReplica(workload.shape.gpusPerReplica, gpusPerNode)
}

/** What keeps the floors: `keda` follows the hours of the week, an `hpa` holds the highest floor all week. */
export type FloorKeeper = Environment['autoscaler']

/**
 * Most nodes that the floors of all workloads together need at any minute of the week from now; 0 without pools.
 * Workloads peak at different hours: the sum counts minute by minute, each in its own time zone.
 */
export function countFloorNodes(needs: NodeNeeds, now: EpochSeconds, keeper: FloorKeeper): number {
  const nodes = new Float64Array(minutesPerWeek)
  for (const workload of needs.workloads) {
    const nodesOfOne = replicaNodes(needs, workload, 1)
    const floors = keeper === 'hpa' ? [] : floorsOfWeek(workload, now)
    const highest = constantFloor(workload.floors)
    for (let minute = 0; minute < minutesPerWeek; minute++)
      nodes[minute]! += (floors[minute] ?? highest) * nodesOfOne
  }
  return wholeNodes(nodes.reduce((most, each) => Math.max(most, each), 0))
}

/** Several rules ask for the week of a workload, for each stack of an environment: the last answer is kept. */
const weeks = new WeakMap<WorkloadDecision, { now: EpochSeconds; floors: readonly number[] }>()

function floorsOfWeek(workload: WorkloadDecision, now: EpochSeconds): readonly number[] {
  const known = weeks.get(workload)
  if (known?.now === now) return known.floors
  const floors = unfoldWeek(workload, now)
  weeks.set(workload, { now, floors })
  return floors
}

/** Replicas asked for at each minute of the week from now: the autoscaler takes the largest of template and exceptions. */
function unfoldWeek({ floors, timeZone }: WorkloadDecision, now: EpochSeconds): number[] {
  const grid = { start: now, tickSeconds: 60, ticksPerStep: 1, length: minutesPerWeek }
  const template = requestedFloors(floors)
  const week = Array.from(
    localMinutes(grid, isTimeZone(timeZone) ? timeZone : 'UTC'),
    (minute) => template[minute]!,
  )
  for (const { from, until, replicas } of floors.exceptions) {
    const minuteOf = (time: string) =>
      Math.min(Math.max(Math.floor((Date.parse(time) / 1000 - now) / 60), 0), week.length)
    for (let minute = minuteOf(from); minute < minuteOf(until); minute++)
      week[minute] = Math.max(week[minute]!, replicas)
  }
  return week
}
