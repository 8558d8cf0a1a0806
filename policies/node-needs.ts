import { isTimeZone } from '../src/kit/time.js'
import { type EpochSeconds, secondsPerWeek } from '../src/kit/units.js'
import type { CapacityPlan, Pool, WorkloadDecision } from '../src/planning/capacity-plan.js'
import { requestedFloors } from '../src/planning/floor-template.js'
import { nodesPerReplica, wholeNodes } from '../src/planning/node-group.js'
import { localMinutes } from '../src/planning/week.js'

/** All pools and workloads of one instance type in one region: they share nodes, and no others. */
export interface NodeNeeds {
  region: string
  instanceType: string
  pools: Pool[]
  /** Nodes that all pools together may run. */
  maximumNodes: number
  workloads: WorkloadDecision[]
  /** Most nodes that the floors of all workloads together need at any minute of the week from now; 0 without pools. */
  floorNodes: number
}

/** In the order in which the plan first names them. */
export function findNodeNeeds({ decision }: CapacityPlan, now: EpochSeconds): NodeNeeds[] {
  const all = new Map<string, NodeNeeds>()
  const needsOf = (region: string, instanceType: string): NodeNeeds => {
    const key = JSON.stringify([region, instanceType])
    const known = all.get(key)
    if (known !== undefined) return known
    const created = { region, instanceType, pools: [], maximumNodes: 0, workloads: [], floorNodes: 0 }
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
  for (const needs of all.values()) needs.floorNodes = countFloorNodes(needs, now)
  return [...all.values()]
}

/** Nodes of so many replicas of a workload on the pools of its group; 0 without pools. */
export function replicaNodes({ pools }: NodeNeeds, workload: WorkloadDecision, replicas: number): number {
  const gpusPerNode = pools[0]?.gpusPerNode
  return gpusPerNode === undefined
    ? 0
    : replicas * nodesPerReplica(workload.shape.gpusPerReplica, gpusPerNode)
}

/** Workloads peak at different hours: the sum counts minute by minute, each in its own time zone. */
function countFloorNodes(needs: NodeNeeds, now: EpochSeconds): number {
  const nodes = new Float64Array(secondsPerWeek / 60)
  for (const workload of needs.workloads) {
    const nodesOfOne = replicaNodes(needs, workload, 1)
    const floors = floorsOfWeek(workload, now)
    for (let minute = 0; minute < nodes.length; minute++) nodes[minute]! += floors[minute]! * nodesOfOne
  }
  return wholeNodes(nodes.reduce((most, each) => Math.max(most, each), 0))
}

/** Replicas asked for at each minute of the week from now: the autoscaler takes the largest of template and exceptions. */
function floorsOfWeek({ floors, timeZone }: WorkloadDecision, now: EpochSeconds): number[] {
  const grid = { start: now, tickSeconds: 60, ticksPerStep: 1, length: secondsPerWeek / 60 }
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
