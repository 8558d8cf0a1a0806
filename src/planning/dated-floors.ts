import { withoutDated } from '../forecast/calendar/coming-effects.js'
import type { DatedEffect } from '../forecast/calendar/path-effect.js'
import type { DemandForecast } from '../forecast/demand-forecast.js'
import { formatInstant, localMinuteOfWeek, utcOffsetSeconds } from '../kit/time.js'
import type { DatedException, FloorTemplate } from './capacity-plan.js'
import { requestedFloors } from './floor-template.js'
import { type FloorPlan, type FloorSettings, planFloors } from './floors.js'
import type { LoadGrid } from './load.js'
import { slotMinutes } from './week.js'

const slotSeconds = 60 * slotMinutes

/**
 * Weekly floors for usual days, and for what is dated exceptions with its dates: a campaign in the weekly template would
 * come again every week. An exception only adds, so that a holiday keeps its weekday's floors.
 */
export function planDatedFloors(
  forecast: DemandForecast,
  workloadIndex: number,
  settings: FloorSettings,
  grid: LoadGrid,
  dated: readonly DatedEffect[],
): FloorPlan {
  if (dated.length === 0) return planFloors(forecast, workloadIndex, settings, grid)
  const usual = planFloors(withoutDated(forecast), workloadIndex, settings, grid)
  const whole = planFloors(forecast, workloadIndex, settings, grid)
  const leadSeconds = Math.ceil(settings.capacity.coldStart.totalSeconds / 60) * 60
  const exceptions = dated.flatMap(({ from, until, reason, raises }): DatedException[] => {
    if (!raises) return []
    const replicas = highestFloor(whole.floors, from, until, settings.timeZone)
    if (replicas <= highestFloor(usual.floors, from, until, settings.timeZone)) return []
    return [{ from: formatInstant(from - leadSeconds), until: formatInstant(until), replicas, reason }]
  })
  return { ...usual, floors: { ...usual.floors, exceptions } }
}

/** The highest floor that a weekly template has between two times. */
function highestFloor(template: FloorTemplate, from: number, until: number, timeZone: string): number {
  const week = requestedFloors(template)
  let highest = template.minReplicas
  for (let time = from; time < until; time += slotSeconds)
    highest = Math.max(highest, week[localMinuteOfWeek(time, utcOffsetSeconds(time, timeZone))]!)
  return highest
}
