import { secondsPerDay } from '../src/kit/units.js'
import { floorReplicaHours } from '../src/planning/floor-template.js'
import {
  judgeMateriality,
  type MaterialChange,
  type Materiality,
  type MaterialityInputs,
} from '../src/planning/materiality.js'
import type { DailyPlans } from './daily-plans.js'

/** Whether the plan of a day takes the place of an earlier day's. */
export type Rule = (
  daily: DailyPlans,
  day: number,
  inForce: number,
  earlier: readonly MaterialChange[],
) => boolean | Materiality

/** What became of a fleet under a rule. */
interface Run {
  usdPerDay: number
  shortfallUsdPerDay: number
  changes: { day: number; verdict?: Materiality; isTurn: boolean }[]
  mostInSevenDays: number
}

/** Accepts each day's plan that the rule is for, at once, and lets the demand come. The first plan is in force. */
export function followRule(daily: DailyPlans, rule: Rule): Run {
  const { days } = daily
  const changes: Run['changes'] = []
  const earlier: MaterialChange[] = []
  let inForce = 0
  let [nodeUsd, shortfallUsd] = [0, 0]
  for (const [day, { plan, inputs }] of days.entries()) {
    if (plan.planId !== days[inForce]!.plan.planId) {
      const verdict = rule(daily, day, inForce, earlier)
      if (verdict === true) changes.push({ day, isTurn: false })
      else if (verdict !== false && verdict.isMaterial) {
        const { direction } = verdict
        const last = earlier.findLast((change) => change.direction !== 'same')
        const isTurn = last !== undefined && direction !== 'same' && direction !== last.direction
        changes.push({ day, verdict, isTurn })
        earlier.push({ time: inputs.now, direction })
      }
      inForce = changes.at(-1)?.day ?? 0
    }
    const came = daily.realize(inForce, day)
    nodeUsd += came.nodeUsd
    shortfallUsd += came.shortfallUsd
  }
  const inWeek = (first: number) => changes.filter(({ day }) => day >= first && day < first + 7).length
  return {
    usdPerDay: (nodeUsd + shortfallUsd) / days.length,
    shortfallUsdPerDay: shortfallUsd / days.length,
    changes,
    mostInSevenDays: Math.max(...days.map((_, day) => inWeek(day))),
  }
}

export const acceptAll: Rule = () => true
export const acceptNone: Rule = () => false

/** A usual rule of thumb: floors or the maximum of a workload change by a share. */
export function changeBy(share: number): Rule {
  const differs = (a: number, b: number) => Math.abs(a - b) > share * b
  return ({ days }, day, inForce) => {
    const before = days[inForce]!.plan.decision.workloads
    return days[day]!.plan.decision.workloads.some(
      ({ floors, hardMaximum }, index) =>
        differs(floorReplicaHours(floors), floorReplicaHours(before[index]!.floors)) ||
        differs(hardMaximum, before[index]!.hardMaximum),
    )
  }
}

/** Whatever the plan of so many days later is. */
export function every(count: number): Rule {
  return ({ days }, day, inForce) =>
    days[day]!.inputs.now - days[inForce]!.inputs.now >= count * secondsPerDay
}

/** The rule of the product. A plan that differs from the one in force is no renewal of it, unless `isRenewed`. */
export function materiality(settings: MaterialityInputs['settings'], { isRenewed = false } = {}): Rule {
  return (daily, day, inForce, earlier) =>
    judgeMateriality({
      plan: daily.planOver(day, inForce),
      baseline: daily.days[inForce]!.plan,
      earlier,
      settings,
      ...(isRenewed && { validUntil: Number.POSITIVE_INFINITY }),
    })
}
