import type { WorkloadDecision } from '../planning/capacity-plan.js'
import { cronExpression } from './cron-window.js'
import { floorsInZone } from './zone-floors.js'

/** Hours of the week in UTC: a five-field cron expression, and how long they last. */
export interface UtcWindow {
  schedule: string
  hours: number
}

const hoursPerWeek = 168

/** Karpenter takes at most 50 budgets; a few of them are ours for other ends. */
const mostWindows = 40

/**
 * When the floors of some workloads together ask for many GPUs: more than halfway between their least and their most
 * of the week. Nothing where they are the same all week.
 *
 * The hours are UTC, as Karpenter knows no other clock: an hour counts where it is busy by either of a zone's offsets.
 */
export function findBusyHours(workloads: readonly WorkloadDecision[]): UtcWindow[] {
  const gpus = new Float64Array(hoursPerWeek)
  for (const workload of workloads) {
    const { gpusPerReplica } = workload.shape
    for (const [hour, replicas] of hourlyFloors(workload).entries()) gpus[hour]! += replicas * gpusPerReplica
  }
  const halfway = (gpus.reduce((a, b) => Math.min(a, b)) + gpus.reduce((a, b) => Math.max(a, b))) / 2
  const isBusy = Array.from(gpus, (value) => value > halfway)
  for (let gap = 0; ; gap++) {
    const windows = groupRuns(findRuns(isBusy, gap))
    if (windows.length <= mostWindows) return windows
  }
}

/** The highest floor of each hour of the UTC week, by any offset of the workload's zone. */
function hourlyFloors(workload: WorkloadDecision): Float64Array {
  const hourly = new Float64Array(hoursPerWeek)
  for (const [minute, replicas] of floorsInZone(workload, 'UTC').entries()) {
    const hour = Math.floor(minute / 60)
    hourly[hour] = Math.max(hourly[hour]!, replicas)
  }
  return hourly
}

interface Run {
  /** Hours since Monday 00:00 UTC. */
  start: number
  hours: number
}

/** Runs of busy hours on the week's circle; those at most `gap` hours apart are one. */
function findRuns(isBusy: readonly boolean[], gap: number): Run[] {
  const calm = isBusy.findIndex((busy, hour) => !busy && isBusy[(hour + 1) % hoursPerWeek])
  if (calm < 0) return []
  const runs: Run[] = []
  for (let step = 1; step <= hoursPerWeek; step++) {
    if (!isBusy[(calm + step) % hoursPerWeek]) continue
    const last = runs.at(-1)
    const start = calm + step
    if (last !== undefined && start - (last.start + last.hours) <= gap) last.hours = start + 1 - last.start
    else runs.push({ start, hours: 1 })
  }
  return runs.map(({ start, hours }) => ({ start: start % hoursPerWeek, hours }))
}

/** Runs of one clock time and length share a schedule, in the order of their first start. */
function groupRuns(runs: readonly Run[]): UtcWindow[] {
  const groups = new Map<string, Run[]>()
  for (const run of [...runs].sort((a, b) => a.start - b.start)) {
    const key = `${run.start % 24} ${run.hours}`
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()].map((group) => ({
    schedule: cronExpression(group.map(({ start }) => start * 60)),
    hours: group[0]!.hours,
  }))
}
