import { sum } from 'simple-statistics'
import { formatDuration } from '../kit/time.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { SkillGate } from './capacity-plan.js'
import type { FloorSettings } from './floors.js'
import { findLiveErrors, type LiveErrors } from './live-errors.js'
import { type LiveSettings, raiseFloor, readForecast } from './live-floor.js'
import { busyReplicas, type LoadGrid } from './load.js'
import type { ShortfallPrice } from './newsvendor.js'
import { decideFloors, type LiveDecision, replayAutoscaler, spreadFloors } from './replay-live.js'
import {
  describeSaving,
  fewestOrigins,
  judge,
  type PastDays,
  rivalTargets,
  tooFewDays,
} from './skill-gate.js'

// Outside of these, quantiles of window maxima are no good guide to cost: above, tails that were never seen decide, and
// below, the reactive trigger alone is as good (measured; designs/0004-live-floors.md).
const leastQuantile = 0.9
const mostQuantile = 0.95

/**
 * What a live floor must save beyond chance. Its past days are few and of one week or two, the reactive trigger may be
 * tuned on the next: without a margin it opened for workloads on which it then cost more (`bench/live.ts`).
 */
export const leastLiveSaving = 0.05

// Kubernetes' default, and a minute for what the trigger's metric averages and what comes late of it.
const stabilisationSeconds = 300
const metricSeconds = 60

/**
 * Quantiles that a live floor may hold: the newsvendor's critical ratio within 0.9 … 0.95, and 0.9, which is cheaper
 * where the trigger above is in time for most of what a floor is short of.
 */
export function liveQuantileChoices({
  idleUsdPerReplicaHour,
  shortfallUsdPerReplicaHour,
}: ShortfallPrice): number[] {
  const ratio = shortfallUsdPerReplicaHour / (shortfallUsdPerReplicaHour + idleUsdPerReplicaHour)
  const bounded = Math.min(Math.max(Number(ratio.toFixed(3)), leastQuantile), mostQuantile)
  return bounded > leastQuantile ? [leastQuantile, bounded] : [leastQuantile]
}

/**
 * The target of the reactive trigger above a live floor: the highest that is allowed. A lower one has the replicas for
 * the ramps all the time, so that the floor would be paid for nothing.
 */
export function liveTarget({ targets }: Pick<FloorSettings, 'targets'>): number {
  return Math.max(...targets)
}

/**
 * Scores the live floor out of sample, at the prices of the floors' own gate: on each past day the floor is decided every
 * few minutes from what lay before, over the template that stood on that day, and the autoscaler is replayed above it.
 * The gate opens where that surely saves at least 5 % of what the better of the template and the best reactive trigger
 * alone costs. All are replayed with the autoscaler's stabilisation, which the recursion of the floors' gate leaves out: it
 * holds a trigger's replicas for minutes after each rise, and flatters triggers that are late and then let go at once.
 * It stays closed where a step of the history is longer than a cold start: then nothing is known of what a replica comes
 * too late for.
 *
 * @param quantiles of which the cheapest is chosen; each day is scored with the one that was cheapest on the others
 * @param hasTemplate whether the floors' own gate is open; else the template is the minimum
 */
export function judgeLiveFloor(
  past: PastDays,
  history: DemandHistory,
  workloadIndex: number,
  settings: FloorSettings,
  live: Omit<LiveSettings, 'quantile'>,
  quantiles: readonly number[],
  hasTemplate: boolean,
  seed: number,
): LiveVerdict {
  const { stepSeconds } = history
  const [first] = quantiles
  const refuse = (gate: SkillGate): LiveVerdict => ({ gate, quantile: first! })
  if (stepSeconds > live.coldStartSeconds) return refuse(tooCoarse(stepSeconds, live.coldStartSeconds))
  if (past.days.length < fewestOrigins) return refuse(tooFewDays('live floors', past.days.length))
  const template = spreadTemplates(past, hasTemplate, settings)
  const decisions = decidePast(past, history, workloadIndex, settings, { ...live, quantile: first! })
  const runs = quantiles.map((quantile) => {
    const asked = decisions.map((decision) => atQuantile(decision, quantile, live))
    const floors = spreadFloors(asked, past.grid, 0)
    const raised = template.map((replicas, tick) => Math.max(replicas, floors[tick]!))
    return { quantile, asked, usd: replayDays(past, raised, liveTarget(settings), settings) }
  })
  const best = cheapest(runs)
  const rival = findRival(past, template, settings, hasTemplate)
  const verdict = judge(scoreChoice(runs), rival.usd, seed)
  const open = verdict.low > leastLiveSaving
  const message = `a live floor ${open ? 'beats' : 'does not surely beat'} ${rival.name} ${describeSaving(verdict)}`
  const errors = findLiveErrors(best.asked, past.load.replicas, past.grid, live)
  return { gate: { ...verdict, open, message }, quantile: best.quantile, errors }
}

/** A verdict, the quantile that it is on, and how far its forecasts were off; those are absent where there were none. */
export interface LiveVerdict {
  gate: SkillGate
  quantile: number
  errors?: LiveErrors
}

/** The same decision at another quantile, over no template. */
function atQuantile(
  { time, template, live: { quantiles } }: LiveDecision,
  quantile: number,
  maxima: Pick<LiveSettings, 'maximum' | 'hardMaximum'>,
): LiveDecision {
  const live = readForecast(quantiles, quantile)
  return { time, template, live, floor: raiseFloor(template, live.floor, maxima) }
}

function cheapest<Run extends { usd: readonly number[] }>(runs: readonly Run[]): Run {
  return runs.reduce((best, run) => (sum([...run.usd]) < sum([...best.usd]) ? run : best))
}

/** What each day cost with the choice that cost least on all other days: it has not seen the day that it is scored on. */
function scoreChoice(runs: readonly { usd: number[] }[]): number[] {
  return runs[0]!.usd.map((_, day) => {
    const others = runs.map((run) => ({ usd: run.usd.filter((_usd, other) => other !== day), run }))
    return cheapest(others).run.usd[day]!
  })
}

/** What costs less on the past days: the template, where there is one, or the best reactive trigger alone. */
function findRival(past: PastDays, template: Float64Array, settings: FloorSettings, hasTemplate: boolean) {
  const minimum = new Float64Array(past.grid.length).fill(settings.bounds.minReplicas)
  const rivals = rivalTargets.map((target) => ({
    name: `the best reactive trigger alone (target ${target}, in hindsight)`,
    usd: replayDays(past, minimum, target, settings),
  }))
  const templates = settings.targets.map((target) => ({
    name: `the template (target ${target}, in hindsight)`,
    usd: replayDays(past, template, target, settings),
  }))
  return [...rivals, ...(hasTemplate ? templates : [])].reduce((best, each) =>
    sum(each.usd) < sum(best.usd) ? each : best,
  )
}

/** What the templates of the past days ask for, by tick of the whole history; elsewhere the minimum. */
function spreadTemplates(
  { grid, days }: PastDays,
  hasTemplate: boolean,
  { bounds }: FloorSettings,
): Float64Array {
  const floors = new Float64Array(grid.length).fill(bounds.minReplicas)
  if (hasTemplate) for (const { from, floors: template } of days) floors.set(template.asked, from)
  return floors
}

/** Idle plus shortfall cost of each past day with an autoscaler above floors. */
function replayDays(past: PastDays, floors: Float64Array, target: number, settings: FloorSettings): number[] {
  const { grid, load, days } = past
  const from = Math.min(...days.map((day) => day.from))
  const { billed, late } = replayAutoscaler(load.replicas.subarray(from), floors.subarray(from), {
    tickSeconds: grid.tickSeconds,
    target,
    metricSeconds,
    coldStartSeconds: settings.capacity.coldStart.totalSeconds,
    stabilisationSeconds,
    hardMaximum: settings.bounds.hardMaximum,
  })
  const { idleUsdPerReplicaHour, shortfallUsdPerReplicaHour } = settings.price
  return days.map((day) => {
    let usd = 0
    for (let tick = day.from; tick < day.to; tick++) {
      const busy = load.replicas[tick]!
      if (Number.isNaN(busy)) continue
      const lateHere = late[tick - from]!
      usd +=
        (billed[tick - from]! - busy + lateHere) * idleUsdPerReplicaHour +
        lateHere * shortfallUsdPerReplicaHour
    }
    return (usd * grid.tickSeconds) / 3600
  })
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
