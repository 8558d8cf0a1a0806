import { LlmscaleError } from '../../kit/errors.js'
import { type EpochSeconds, secondsPerDay } from '../../kit/units.js'

/** A public holiday of a country or a part of one. */
export interface Holiday {
  /** Local days since 1970-01-01. */
  day: number
  /** In the country's own language. */
  name: string
  /** As the configuration names it: DE, DE-BY. */
  country: string
}

/**
 * Public holidays between two times, by country and day. The library is loaded only here: it brings calendars of the
 * sun and the moon, about 40 MB on disk (https://github.com/commenthol/date-holidays, ISC and CC BY 3.0).
 * Throws `configInvalid`, HOLIDAYS_UNKNOWN, for a country that it does not have.
 */
export async function listHolidays(
  countries: readonly string[],
  from: EpochSeconds,
  to: EpochSeconds,
): Promise<Holiday[]> {
  if (countries.length === 0) return []
  const { default: Holidays } = await import('date-holidays')
  const years: number[] = []
  for (
    let year = new Date(from * 1000).getUTCFullYear();
    year <= new Date(to * 1000).getUTCFullYear();
    year++
  )
    years.push(year)
  return countries.flatMap((code) => {
    const [country, state] = code.split('-') as [string, string?]
    // Days are read off local dates, so that the machine's own zone has no say.
    const calendar = new Holidays(country, ...((state === undefined ? [] : [state]) as [string]))
    const isKnown =
      new Holidays().getCountries()[country] !== undefined &&
      (state === undefined || calendar.getStates(country)?.[state] !== undefined)
    if (!isKnown)
      throw new LlmscaleError(
        'configInvalid',
        'HOLIDAYS_UNKNOWN',
        `holidays: no calendar of ${code} is known; write a country of ISO 3166-1 such as DE, or a part of it such as DE-BY`,
      )
    return years
      .flatMap((year) => calendar.getHolidays(year))
      .filter(({ type }) => type === 'public')
      .flatMap(({ date, start, end, name }) => {
        const first = Date.parse(`${date.slice(0, 10)}T00:00:00Z`) / 1000 / secondsPerDay
        const days = Math.max(1, Math.round((end.getTime() - start.getTime()) / 1000 / secondsPerDay))
        return Array.from({ length: days }, (_, index) => ({ day: first + index, name, country: code }))
      })
      .filter(
        ({ day }) => day >= Math.floor(from / secondsPerDay) - 1 && day <= Math.ceil(to / secondsPerDay) + 1,
      )
  })
}
