import { type M4Scores, scoreM4 } from './forecast/m4.js'
import { type Cell, scoreTraces } from './forecast/traces.js'

// Forecast errors and CPU time side by side in one run: M4 Hourly beside StatsForecast, real demand beside the best
// naive baseline. Usage: node --import tsx bench/forecast.ts [m4 | traces]
const part = process.argv[2]
if (part !== 'traces') printM4(scoreM4())
if (part !== 'm4') printTraces(await scoreTraces())

function printM4({ series, methods, differences, intervals }: M4Scores): void {
  const reference = methods.find(({ name }) => name === 'MSTL+AutoETS')!.cpuMilliseconds!
  console.log(`M4 Hourly, ${series} series, 48 h ahead; intervals by bootstrap over series`)
  console.log(
    `${'method'.padEnd(44)}  MASE  95 % interval    sMAPE   CPU ms a series   less than MSTL+AutoETS`,
  )
  for (const { name, mase, maseInterval, smape, cpuMilliseconds } of methods) {
    const cpu =
      cpuMilliseconds === undefined
        ? ''
        : `${cpuMilliseconds.toFixed(2).padStart(10)}   ${`${(reference / cpuMilliseconds).toPrecision(3)}×`.padStart(12)}`
    console.log(
      `${name.padEnd(44)} ${mase.toFixed(3).padStart(6)} ${range(maseInterval)} ${smape.toFixed(2).padStart(7)} ${cpu}`,
    )
  }
  for (const { name, difference, interval } of differences)
    console.log(`MASE of ${name}: ${difference.toFixed(3)} ${range(interval)}`)
  for (const { name, coverage90, msis95 } of intervals)
    console.log(`${name}: 90 % interval holds ${percent(coverage90)}, MSIS at 95 % ${msis95.toFixed(2)}`)
}

function printTraces(cells: readonly Cell[]): void {
  console.log('\nWAPE of requests by the hour, last third of each trace, lead times up to the horizon')
  console.log(
    `${'data'.padEnd(22)} horizon  WAPE   naive   against naive  95 % interval       naive, chosen on the training part`,
  )
  for (const { pool, horizon, ownWape, naiveWape, ratio, interval, naives } of cells)
    console.log(
      `${pool.padEnd(22)} ${`${horizon} h`.padStart(6)}  ${ownWape.toFixed(4)}  ${naiveWape.toFixed(4)}  ${change(ratio).padStart(11)}  ${interval.map(change).join(' … ').padEnd(22)}  ${naives}`,
    )
  const pooled = Math.exp(cells.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / cells.length)
  console.log(`all cells, geometric mean: ${change(pooled)}`)
}

function range([low, high]: [number, number]): string {
  return `[${low.toFixed(3)}, ${high.toFixed(3)}]`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function change(ratio: number): string {
  return `${ratio < 1 ? '−' : '+'}${percent(Math.abs(ratio - 1))}`
}
