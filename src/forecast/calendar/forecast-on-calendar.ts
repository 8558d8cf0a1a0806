import type { DemandHistory } from '../../metrics/demand-history.js'
import type { DemandForecast } from '../demand-forecast.js'
import { type ForecastOptions, forecastDemand } from '../forecast-demand.js'
import { adjustHistory } from './adjust-history.js'
import type { Calendar } from './calendar.js'
import { withCalendar } from './coming-effects.js'

/**
 * Forecasts from what of a history may be learned, and adds what is to come; without a calendar as `forecastDemand`
 * does. Throws what that throws.
 */
export function forecastOnCalendar(
  history: DemandHistory,
  { calendar, ...options }: ForecastOptions & { calendar?: Calendar | undefined },
): DemandForecast {
  if (calendar === undefined) return forecastDemand(history, options)
  const learned = adjustHistory(history, calendar)
  const forecast = forecastDemand(learned.history, options)
  const notes = [...forecast.notes, ...learned.notes]
  return withCalendar({ ...forecast, notes }, calendar, history).forecast
}
