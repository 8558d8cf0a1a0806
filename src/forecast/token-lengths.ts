import { combineAsked, combinePast, combineRow, weighModels } from './combination.js'
import { meanDay } from './models/mean-day.js'
import type { Series } from './models/point-model.js'
import { transferredRidge } from './models/pooled-ridge.js'
import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from './models/seasonal-naive.js'
import type { OriginGrid } from './origin-grid.js'
import { rollMember, singleMember } from './rolling-origin.js'
import type { RolledForecast } from './score.js'

const members = [meanDay, transferredRidge, seasonalNaiveDay, seasonalNaiveWeek, persistence].map(
  singleMember,
)

/**
 * Forecasts of the tokens of one request. Lengths move far less than amounts do: simple models, weighed by their errors
 * as those of requests are, say nearly all that is known. Tokens are requests times length, so that both agree.
 */
export function rollLengths(tokens: Series, requests: Series, grid: OriginGrid): RolledForecast {
  const lengths = readLengths(tokens, requests)
  const rolled = members.map((member) => rollMember(member, lengths, grid))
  const weights = weighModels(rolled, lengths, grid)
  return {
    name: 'token-lengths',
    asked: combineAsked(rolled, weights),
    madeAt: (row) => combineRow(rolled, weights, row),
    pastAt: (row) => combinePast(rolled, weights[row]!),
    centers: false,
  }
}

/** Mean tokens of a request by slot; where there was none, those of the same time a day before. */
function readLengths({ values, stepsPerDay }: Series, requests: Series): Series {
  const observed = requests.observed.map((seen, slot) => (seen === 1 && requests.values[slot]! > 0 ? 1 : 0))
  const lengths = new Float64Array(values.length)
  for (let slot = 0; slot < lengths.length; slot++)
    lengths[slot] =
      observed[slot] === 1
        ? values[slot]! / requests.values[slot]!
        : (lengths[slot - stepsPerDay] ?? lengths[slot - 1] ?? 0)
  return { values: lengths, observed, stepsPerDay }
}

/** Amounts times the length of each. */
export function multiplyForecasts(amounts: RolledForecast, lengths: RolledForecast): RolledForecast {
  const multiply = (a: Float64Array, b: Float64Array) => a.map((value, lead) => value * b[lead]!)
  return {
    ...amounts,
    asked: new Map(
      Array.from(amounts.asked, ([row, point]) => [row, multiply(point, lengths.asked.get(row)!)]),
    ),
    madeAt: (row) => multiply(amounts.madeAt(row), lengths.madeAt(row)),
    pastAt(now) {
      const [amountAt, lengthAt] = [amounts.pastAt(now), lengths.pastAt(now)]
      return (row, lead) => amountAt(row, lead) * lengthAt(row, lead)
    },
  }
}
