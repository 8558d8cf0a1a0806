import type { DemandForecast } from '../src/forecast/demand-forecast.js'
import { rollForecasts } from '../src/forecast/forecast-demand.js'
import { samplePath } from '../src/forecast/sample-path.js'
import { sortedQuantile } from '../src/kit/statistics.js'
import { secondsPerDay, secondsPerHour } from '../src/kit/units.js'
import type { DemandHistory } from '../src/metrics/demand-history.js'
import { selectWorkloads } from '../src/metrics/select-history.js'
import { bootstrap } from './forecast/bootstrap.js'
import { readTrace } from './forecast-data.js'

// Totals of models over their tenants, as sums of the tenants' paths (bottom-up, which the product does) and forecast
// directly from the summed history: error and coverage of the 90 % interval by the hour, over the last five days, from
// origins six hours apart. Totals of requests; an hour with a masked step of a tenant is left out.
const horizons = [1, 6, 24]
const everySeconds = secondsPerDay / 4
const origins = 20

/** One hour that was forecast. */
interface Hour {
  origin: number
  lead: number
  came: number
  /** Of each way: point, and whether the 90 % interval has what came. */
  ways: { point: number; isInside: boolean }[]
}

const tenants = await readTrace('servegen-tenants-10min.csv.gz')
const { stepSeconds } = tenants
const steps = secondsPerHour / stepSeconds
const models = [...new Set(tenants.workloads.map(({ workload }) => workload.model))]
const { region } = tenants.workloads[0]!.workload
const totals = selectWorkloads(
  tenants,
  models.map((model) => ({ model, region })),
)
const options = { horizonSeconds: secondsPerDay, seed: 1, origins, everySeconds }
const [parts, direct] = [tenants, totals].map((history) => rollForecasts(history, options))

for (const [index, { workload }] of totals.workloads.entries()) {
  const hours = parts!.flatMap((forecast, at) => compare(index, forecast, direct![at]!))
  console.log(`\n${workload.model}, sum of ${membersOf(workload.model).length} tenants`)
  for (const horizon of horizons) {
    const scored = hours.filter(({ lead }) => lead < horizon)
    const byOrigin = [...new Set(scored.map(({ origin }) => origin))].map((origin) =>
      scored.filter((hour) => hour.origin === origin),
    )
    const [up, whole] = [0, 1].map((way) => wapeOf(byOrigin, way))
    const ratio = bootstrap(byOrigin, (drawn) => wapeOf(drawn, 0) / wapeOf(drawn, 1))
    const inside = [0, 1].map(
      (way) => scored.filter(({ ways }) => ways[way]!.isInside).length / scored.length,
    )
    console.log(
      `  ${String(horizon).padStart(2)} h  WAPE ${percent(up!)} bottom-up, ${percent(whole!)} direct, ratio ${(up! / whole!).toFixed(2)} [${ratio.map((each) => each.toFixed(2)).join(', ')}]` +
        `  inside 90 %: ${percent(inside[0]!)} and ${percent(inside[1]!)} of ${scored.length}`,
    )
  }
}

function membersOf(model: string): number[] {
  return tenants.workloads.flatMap(({ workload }, index) => (workload.model === model ? [index] : []))
}

function compare(total: number, bottomUp: DemandForecast, whole: DemandForecast): Hour[] {
  const members = membersOf(totals.workloads[total]!.workload.model)
  const ways = [hoursOf(bottomUp, members), hoursOf(whole, [total])]
  const first = Math.round((bottomUp.origin - tenants.start) / stepSeconds)
  return Array.from({ length: secondsPerDay / secondsPerHour }, (_, lead): Hour => {
    const from = first + lead * steps
    const came = sumHour(totals.workloads[total]!, from)
    return {
      origin: bottomUp.origin,
      lead,
      came,
      ways: ways.map(({ points, paths }) => {
        const drawn = Float64Array.from(paths, (path) => path[lead]!).sort()
        const isInside = came >= sortedQuantile(drawn, 0.05) && came <= sortedQuantile(drawn, 0.95)
        return { point: points[lead]!, isInside }
      }),
    }
  }).filter(({ came }) => !Number.isNaN(came))
}

/** Sums over some workloads by the hour: of their points, and path by path. */
function hoursOf(forecast: DemandForecast, members: readonly number[]) {
  const add = (columns: readonly Float64Array[]) =>
    Float64Array.from({ length: Math.floor(columns[0]!.length / steps) }, (_, hour) =>
      columns.reduce(
        (sum, column) =>
          sum +
          column.subarray(hour * steps, (hour + 1) * steps).reduce((total, amount) => total + amount, 0),
        0,
      ),
    )
  return {
    points: add(members.map((index) => forecast.workloads[index]!.series.requests.point)),
    paths: Array.from({ length: forecast.pathCount }, (_, path) =>
      add(members.map((index) => samplePath(forecast, index, path).requests)),
    ),
  }
}

function sumHour({ requests, mask }: DemandHistory['workloads'][number], from: number): number {
  let sum = 0
  for (let step = from; step < from + steps; step++) sum += mask[step] === 0 ? requests[step]! : Number.NaN
  return sum
}

function wapeOf(groups: readonly Hour[][], way: number): number {
  const hours = groups.flat()
  const error = hours.reduce((sum, { came, ways }) => sum + Math.abs(came - ways[way]!.point), 0)
  return error / hours.reduce((sum, { came }) => sum + came, 0)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
