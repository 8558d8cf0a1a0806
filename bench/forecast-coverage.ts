import { forecastDemand } from '../src/forecast/forecast-demand.js'
import { secondsPerDay } from '../src/kit/units.js'
import { readTrace } from './forecast-data.js'
import { measureCoverage } from './interval-coverage.js'

// Coverage of the 90 % interval on rolling origins, of each workload, of their sum, of daily and of horizon totals;
// beside it what adding the 5 % and 95 % quantiles of the parts would claim for the sum.
const percent = (share: number) => `${(100 * share).toFixed(1)} %`.padStart(8)

for (const [label, file, model] of [
  ['ServeGen', 'servegen-demand-10min.csv.gz', undefined],
  ['BurstGPT conversation', 'burstgpt-hourly-42d.csv', 'conversation'],
  ['BurstGPT api', 'burstgpt-hourly-42d.csv', 'api'],
] as const) {
  const history = await readTrace(file, model)
  for (const horizonDays of [1, 7]) {
    const started = process.cpuUsage()
    const result = measureCoverage(history, horizonDays)
    const cpu = process.cpuUsage(started)
    console.log(
      `${label}, horizon ${horizonDays} d, ${result.origins} origins (${((cpu.user + cpu.system) / 1e6).toFixed(2)} CPU s)`,
    )
    for (const part of result.parts) console.log(`  ${part.name.padEnd(24)} steps ${percent(part.steps)}`)
    console.log(
      `  ${'sum of paths'.padEnd(24)} steps ${percent(result.sum)}   width ${result.sumWidth.toFixed(2)}`,
    )
    console.log(
      `  ${'adding quantiles'.padEnd(24)} steps ${percent(result.added)}   width ${result.addedWidth.toFixed(2)}`,
    )
    console.log(
      `  ${'sum'.padEnd(24)} days  ${percent(result.days)}   whole horizon ${percent(result.totals)}`,
    )
    const forecast = forecastDemand(history, { horizonSeconds: horizonDays * secondsPerDay, seed: 1 })
    for (const { workload, score, weights } of forecast.workloads)
      console.log(
        `  ${workload.model.padEnd(24)} skill ${score?.forecastSkill.toFixed(3)} against ${score?.baseline}, WAPE ${score?.wape.toFixed(3)}, coverage ${score?.coverage90.toFixed(3)}, ${score?.origins} origins, weights ${Object.entries(
          weights,
        )
          .map(([name, weight]) => `${name} ${weight.toFixed(2)}`)
          .join(' ')}`,
      )
  }
}
