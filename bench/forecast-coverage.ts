import { readTrace } from './forecast-data.js'
import { type Coverage, measureCoverage, type Share, sumCoverage } from './interval-coverage.js'

// What the 90 % interval of sample paths holds on real traces, from origins every 12 hours in their last part: steps,
// hours by day ahead, sums and busiest steps of a day, totals of the horizon; pooled by data set, each series alone,
// and of the sum of all. Binomial intervals count one trial for each day that was tested, since hours and origins of
// one day are not independent. Ranks are means of the share of paths below what came: 0.50 is right.
const percent = (share: number) => (100 * share).toFixed(1).padStart(5)
const everySeconds = 43_200

for (const [label, file, model, fromDay, toDay] of [
  ['ServeGen models', 'servegen-demand-10min.csv.gz', undefined, 10, 14],
  ['ServeGen tenants', 'servegen-tenants-10min.csv.gz', undefined, 10, 14],
  ['BurstGPT conversation', 'burstgpt-hourly-42d.csv', 'conversation', 27, 42],
  ['BurstGPT api', 'burstgpt-hourly-42d.csv', 'api', 27, 42],
] as const) {
  const history = await readTrace(file, model)
  for (const horizonDays of [1, 7]) {
    const all = measureCoverage(history, { horizonDays, fromDay, toDay, everySeconds })
    const trials = toDay - fromDay
    console.log(`\n${label}, ${horizonDays} d ahead`)
    report('pooled', sumCoverage(all.slice(0, -1)), trials * (all.length - 1))
    for (const one of all) report(one.name, one, trials)
  }
}

function report(name: string, { steps, hours, ahead, days, peaks, totals }: Coverage, trials: number): void {
  const cell = (share: Share) => `${percent(share.value)} (rank ${share.meanRank.toFixed(2)})`
  const [low, high] = binomialInterval(days.value, trials)
  console.log(
    `  ${name.padEnd(14)} steps ${percent(steps.value)}  hours ${cell(hours)} by day ${ahead.map(({ value }) => percent(value)).join(' ')}` +
      `  day sums ${cell(days)} [${percent(low)} …${percent(high)}]  day peaks ${cell(peaks)}  horizon ${percent(totals.value)}`,
  )
}

/** Wilson's interval at 95 % (Wilson 1927). */
function binomialInterval(share: number, trials: number): [number, number] {
  const z = 1.96
  const middle = (share + (z * z) / (2 * trials)) / (1 + (z * z) / trials)
  const half =
    (z / (1 + (z * z) / trials)) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials ** 2))
  return [middle - half, middle + half]
}
