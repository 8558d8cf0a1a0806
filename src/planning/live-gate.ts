import { sum } from 'simple-statistics'
import { formatDuration } from '../kit/time.js'
import type { DemandHistory } from '../metrics/demand-history.js'
import type { SkillGate } from './capacity-plan.js'
import type { FloorSettings } from './floors.js'
import type { LiveSettings } from './live-floor.js'
import { busyReplicas, type LoadGrid } from './load.js'
import type { ShortfallPrice } from './newsvendor.js'
import { decideFloors, spreadFloors } from './replay-live.js'
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
): SkillGate {
  const { stepSeconds } = history
  if (stepSeconds > live.coldStartSeconds) return tooCoarse(stepSeconds, live.coldStartSeconds)
  if (past.days.length < fewestOrigins) return tooFewDays('live floors', past.days.length)
  const floors = liveFloors(past, history, workloadIndex, settings, live)
  const ready = leastOfLast(floors, settings.bounds.lagTicks)
  const { minReplicas } = settings.bounds
  const days = past.days.map((day) => {
    const raise = (template: Float64Array, all: Float64Array) =>
      template.map((replicas, tick) => Math.max(hasTemplate ? replicas : minReplicas, all[day.from + tick]!))
    return {
      ...day,
      floors: { asked: raise(day.floors.asked, floors), ready: raise(day.floors.ready, ready) },
      target: liveTarget(settings),
    }
  })
  const reactive = bestReactive(past, settings)
  const template = hasTemplate ? priceFloors(past, settings) : undefined
  const rival =
    template !== undefined && sum(template) <= sum(reactive.usd)
      ? { name: 'the template', usd: template }
      : {
          name: `the best reactive trigger alone (target ${reactive.target}, in hindsight)`,
          usd: reactive.usd,
        }
  const verdict = judge(priceFloors({ ...past, days }, settings), rival.usd, seed)
  const message = `a live floor ${verdict.open ? 'beats' : 'does not beat'} ${rival.name} ${describeSaving(verdict)}`
  return { ...verdict, message }
}

function tooCoarse(stepSeconds: number, coldStartSeconds: number): SkillGate {
  const longest = formatDuration(Math.floor(coldStartSeconds / 60) * 60 || coldStartSeconds)
  const message =
    `live floors cannot be scored: the demand's steps of ${formatDuration(stepSeconds)} are longer than the cold start ` +
    `of ${formatDuration(Math.round(coldStartSeconds))}, and hide what replicas come too late for; set forecast.step to ${longest} or less`
  return { open: false, floorSkill: null, low: null, high: null, origins: 0, message }
}

/** What the live floor would have asked for, by tick, from the first past day to the end of the last. */
function liveFloors(
  { grid, days }: PastDays,
  history: DemandHistory,
  workloadIndex: number,
  { capacity, burstFactor, bounds }: FloorSettings,
  live: LiveSettings,
): Float64Array {
  const { start, stepSeconds, length } = history
  const steps: LoadGrid = { start, tickSeconds: stepSeconds, ticksPerStep: 1, length }
  const load = busyReplicas(history.workloads[workloadIndex]!, capacity, steps, burstFactor)
  const timeOf = (tick: number) => grid.start + tick * grid.tickSeconds
  const from = timeOf(Math.max(0, Math.min(...days.map((day) => day.from)) - bounds.lagTicks))
  const until = timeOf(Math.max(...days.map((day) => day.to)))
  return spreadFloors(
    decideFloors(load, { start, stepSeconds }, live, () => 0, { from, until }),
    grid,
    0,
  )
}

/** The least of each value and those of the ticks before it: what was asked for throughout. */
function leastOfLast(values: Float64Array, ticks: number): Float64Array {
  return values.map((_, tick) => {
    let least = values[tick]!
    for (let before = Math.max(0, tick - ticks); before < tick; before++)
      least = Math.min(least, values[before]!)
    return least
  })
}
