import { sum } from 'simple-statistics'
import { formatDuration } from '../kit/time.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { SkillGate } from './capacity-plan.js'
import type { TickFloors } from './floor-template.js'
import type { FloorSettings } from './floors.js'
import { findLiveErrors, type LiveErrors, raiseTicks } from './live-errors.js'
import type { LiveSettings } from './live-floor.js'
import { busyReplicas, type LoadGrid } from './load.js'
import type { ShortfallPrice } from './newsvendor.js'
import { decideFloors, type LiveDecision, spreadFloors } from './replay-live.js'
import {
  bestReactive,
  describeSaving,
  fewestOrigins,
  judge,
  type PastDays,
  priceFloors,
  tooFewDays,
} from './skill-gate.js'

// Outside of these, quantiles of window maxima are no good guide to cost: above, tails that were never seen decide, and
// below, the reactive trigger alone is as good (measured; designs/0004-live-floors.md).
const leastQuantile = 0.9
const mostQuantile = 0.95

/** The quantile that a live floor holds: the newsvendor's critical ratio, within 0.9 … 0.95. */
export function liveQuantile({ idleUsdPerReplicaHour, shortfallUsdPerReplicaHour }: ShortfallPrice): number {
  const ratio = shortfallUsdPerReplicaHour / (shortfallUsdPerReplicaHour + idleUsdPerReplicaHour)
  return Math.min(Math.max(Number(ratio.toFixed(3)), leastQuantile), mostQuantile)
}

/**
 * The target of the reactive trigger above a live floor: the highest that is allowed. A lower one has the replicas for
 * the ramps all the time, so that the floor would be paid for nothing.
 */
export function liveTarget({ targets }: Pick<FloorSettings, 'targets'>): number {
  return Math.max(...targets)
}

/**
 * Scores the live floor out of sample, by the recursion and the cost of the floors' own gate: on each past day the floor
 * is decided every few minutes from what lay before, over the template that stood on that day, with the reactive trigger
 * above. The gate opens where that costs less, beyond chance, than the better of the template and the best reactive
 * trigger alone. It stays closed where a step of the history is longer than a cold start: then nothing is known of what
 * a replica comes too late for.
 *
 * @param hasTemplate whether the floors' own gate is open; else the template is the minimum
 */
export function judgeLiveFloor(
  past: PastDays,
  history: DemandHistory,
  workloadIndex: number,
  settings: FloorSettings,
  live: LiveSettings,
  hasTemplate: boolean,
  seed: number,
): LiveVerdict {
  const { stepSeconds } = history
  if (stepSeconds > live.coldStartSeconds) return { gate: tooCoarse(stepSeconds, live.coldStartSeconds) }
  if (past.days.length < fewestOrigins) return { gate: tooFewDays('live floors', past.days.length) }
  const { grid, load } = past
  const decisions = decidePast(past, history, workloadIndex, settings, live)
  const floors = spreadFloors(decisions, grid, 0)
  const { minReplicas, lagTicks } = settings.bounds
  const days = past.days.map((day) => {
    const template = hasTemplate ? day.floors : constantFloors(minReplicas, day.to - day.from)
    const raised = raiseTicks(template, floors.subarray(day.from, day.to), lagTicks)
    return { ...day, floors: raised, target: liveTarget(settings) }
  })
  const rival = findRival(past, settings, hasTemplate)
  const verdict = judge(priceFloors({ ...past, days }, settings), rival.usd, seed)
  const message = `a live floor ${verdict.open ? 'beats' : 'does not beat'} ${rival.name} ${describeSaving(verdict)}`
  return { gate: { ...verdict, message }, errors: findLiveErrors(decisions, load.replicas, grid, live) }
}

/** A verdict, and how far the forecasts that it rests on were off; those are absent where there were none. */
export interface LiveVerdict {
  gate: SkillGate
  errors?: LiveErrors
}

/** What costs less on the past days: the template, where there is one, or the best reactive trigger alone. */
function findRival(past: PastDays, settings: FloorSettings, hasTemplate: boolean) {
  const { target, usd } = bestReactive(past, settings)
  const template = hasTemplate ? priceFloors(past, settings) : undefined
  return template !== undefined && sum(template) <= sum(usd)
    ? { name: 'the template', usd: template }
    : { name: `the best reactive trigger alone (target ${target}, in hindsight)`, usd }
}

function constantFloors(replicas: number, ticks: number): TickFloors {
  const asked = new Float64Array(ticks).fill(replicas)
  return { asked, ready: asked }
}

function tooCoarse(stepSeconds: number, coldStartSeconds: number): SkillGate {
  const longest = formatDuration(Math.floor(coldStartSeconds / 60) * 60 || coldStartSeconds)
  const message =
    `live floors cannot be scored: the demand's steps of ${formatDuration(stepSeconds)} are longer than the cold start ` +
    `of ${formatDuration(Math.round(coldStartSeconds))}, and hide what replicas come too late for; set forecast.step to ${longest} or less`
  return { open: false, floorSkill: null, low: null, high: null, origins: 0, message }
}

/** What would have been decided from the first past day to the end of the last, over no template. */
function decidePast(
  { grid, days }: PastDays,
  history: DemandHistory,
  workloadIndex: number,
  { capacity, burstFactor }: FloorSettings,
  live: LiveSettings,
): LiveDecision[] {
  const { start, stepSeconds, length } = history
  const steps: LoadGrid = { start, tickSeconds: stepSeconds, ticksPerStep: 1, length }
  const load = busyReplicas(history.workloads[workloadIndex]!, capacity, steps, burstFactor)
  const timeOf = (tick: number) => grid.start + tick * grid.tickSeconds
  const from = timeOf(Math.min(...days.map((day) => day.from)))
  const until = timeOf(Math.max(...days.map((day) => day.to)))
  return decideFloors(load, { start, stepSeconds }, live, () => 0, { from, until })
}
