import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { clockChanges, minutesPerWeek } from './clock-changes.js'
import { floorsInZone } from './zone-floors.js'

/** Nodes that floors ask for, by minute of the local week from Monday 00:00. */
export interface NodeFloor {
  /** IANA zone of the minutes. */
  timeZone: string
  nodes: Int32Array
}

/**
 * Whole nodes for the floors of all workloads on one instance type, on the clock of the first one's time zone; none
 * without a workload.
 */
export function nodeFloor(
  workloads: readonly WorkloadDecision[],
  nodesPerReplica: (workload: WorkloadDecision) => number,
): NodeFloor {
  const timeZone = workloads[0]?.timeZone ?? 'UTC'
  const sum = new Float64Array(minutesPerWeek)
  for (const workload of workloads) {
    const floors = floorsInZone(workload, timeZone)
    const share = nodesPerReplica(workload)
    for (let minute = 0; minute < minutesPerWeek; minute++) sum[minute]! += floors[minute]! * share
  }
  const nodes = Int32Array.from(sum, (each) => Math.ceil(each - 1e-9))
  return { timeZone, nodes: steadyOverClockChanges(nodes, timeZone) }
}

const wrap = (minute: number) => ((minute % minutesPerWeek) + minutesPerWeek) % minutesPerWeek

/**
 * A local time that a clock change skips never comes, and one that it repeats comes twice: no change of the floor lies
 * in such an hour. A rise moves to the minute before it, a fall to its end.
 */
function steadyOverClockChanges(nodes: Int32Array, timeZone: string): Int32Array {
  const steady = nodes.slice()
  const { skipped, repeated } = clockChanges(timeZone)
  const hours = [...skipped, ...repeated]
  // Twice: what moves out of one such hour may land in the one beside it.
  for (const { start, end } of [...hours, ...hours]) {
    let most = 0
    for (let minute = start - 1; minute < end; minute++) most = Math.max(most, steady[wrap(minute)]!)
    for (let minute = start - 1; minute < end; minute++) steady[wrap(minute)] = most
  }
  return steady
}

/** A change of the floor, as a scheduled action takes it. */
interface FloorChange {
  /** Five-field cron expression in the floor's time zone. */
  recurrence: string
  nodes: number
}

const minutesPerDay = 1440

/**
 * An Auto Scaling group takes 125 actions (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-quotas.html):
 * those of two plans, because a plan's come before those of the last one go, and the end of a Capacity Block.
 */
const mostChanges = 60

/** Of a quarter of an hour and of half of one, in minutes: the second makes 48 changes at most. */
const slots = [15, 30]

/**
 * The changes of a floor over the week, in order of time of day. A constant one is set each day, and so is none: what
 * the last action has set stays when the action goes. Where there are more than a group takes, all days get the floor
 * of the busiest, in steps of a quarter or half of an hour.
 */
export function floorChanges({ nodes }: Pick<NodeFloor, 'nodes'>): FloorChange[] {
  let changes = listChanges(nodes)
  for (const minutes of slots)
    if (changes.length > mostChanges) changes = listChanges(busiestDay(nodes, minutes))
  return changes
}

function listChanges(nodes: Int32Array): FloorChange[] {
  const days = new Map<string, { clock: number; nodes: number; days: number[] }>()
  for (let minute = 0; minute < minutesPerWeek; minute++) {
    const after = nodes[minute]!
    if (after === nodes[wrap(minute - 1)]) continue
    const clock = minute % minutesPerDay
    const key = `${clock}-${after}`
    const known = days.get(key) ?? { clock, nodes: after, days: [] }
    // cron counts days from Sunday = 0, the week here from Monday.
    known.days.push((Math.floor(minute / minutesPerDay) + 1) % 7)
    days.set(key, known)
  }
  if (days.size === 0) return [{ recurrence: '0 0 * * *', nodes: nodes[0]! }]
  return [...days.values()]
    .sort((a, b) => a.clock - b.clock || a.nodes - b.nodes)
    .map((change) => ({
      recurrence: `${change.clock % 60} ${Math.floor(change.clock / 60)} * * ${formatDays(change.days)}`,
      nodes: change.nodes,
    }))
}

function formatDays(days: number[]): string {
  return days.length === 7 ? '*' : days.sort().join(',')
}

function busiestDay(nodes: Int32Array, slotMinutes: number): Int32Array {
  const day = new Int32Array(minutesPerDay)
  for (let minute = 0; minute < minutesPerWeek; minute++) {
    const clock = minute % minutesPerDay
    const slot = clock - (clock % slotMinutes)
    day[slot] = Math.max(day[slot]!, nodes[minute]!)
  }
  return Int32Array.from({ length: minutesPerWeek }, (_, minute) => {
    const clock = minute % minutesPerDay
    return day[clock - (clock % slotMinutes)]!
  })
}
