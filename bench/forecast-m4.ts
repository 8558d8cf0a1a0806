import { persistence, seasonalNaiveDay, seasonalNaiveWeek } from '../src/forecast/models/seasonal-naive.js'
import { seasonalRidge } from '../src/forecast/models/seasonal-ridge.js'
import { readM4 } from './forecast-data.js'
import { combineSeries, coverage, forecastSeries, mean, meanAbsoluteScaledError } from './m4-scores.js'

// MASE on the shared half of M4 Hourly (48 hours ahead), every model in the same run.
const all = readM4()
const started = () => process.cpuUsage()
const millisecondsSince = (start: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(start)
  return ((user + system) / 1000 / all.length).toFixed(1)
}
console.log(`${all.length} series        MASE   CPU ms a series`)
for (const model of [persistence, seasonalNaiveDay, seasonalNaiveWeek, seasonalRidge]) {
  const start = started()
  const error = mean(all.map((series) => meanAbsoluteScaledError(series, forecastSeries(model, series))))
  console.log(`${model.name.padEnd(20)} ${error.toFixed(3)}   ${millisecondsSince(start)}`)
}
const start = started()
const forecasts = all.map(combineSeries)
const cpu = millisecondsSince(start)
const points = forecasts.map((forecast) => forecast.workloads[0]!.series.requests.point)
const error = mean(all.map((series, index) => meanAbsoluteScaledError(series, points[index]!)))
const covered = mean(all.map((series, index) => coverage(series, forecasts[index]!)))
console.log(`${'combination'.padEnd(20)} ${error.toFixed(3)}   ${cpu}, with rolling origins, paths and score`)
console.log(`coverage of the combination's 90 % interval: ${covered.toFixed(3)}`)
const skills = forecasts.map((forecast) => forecast.workloads[0]!.score!.forecastSkill)
console.log(`mean forecastSkill on rolling origins before the test: ${mean(skills).toFixed(3)}`)
