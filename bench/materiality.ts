// When a plan is worth a pull request: a fleet is planned anew every day, and what the rule accepts runs until it
// accepts again. What came of it (nodes and shortfalls, by the ready-capacity recursion on the demand that came) beside
// accepting every plan, none, a usual rule of thumb and a fixed week. BurstGPT's 42 days, scaled to a peak of 40
// replicas, and a synthetic year by seed; the rule's defaults were chosen on the year of seed 1.
// Run: LLMSCALE_TEST_DATA=… node --import tsx bench/materiality.ts [seed …]   (default 2; about 5 minutes of CPU)
import { parseConfig } from '../src/config/parse-config.js'
import { fileSource } from '../src/metrics/files/file-source.js'
import { readDemand } from '../src/metrics/read-demand.js'
import { createPlan } from '../src/planning/create-plan.js'
import type { MaterialityInputs } from '../src/planning/materiality.js'
import { type DailyPlans, planDaily, type World } from './daily-plans.js'
import { acceptAll, acceptNone, changeBy, every, followRule, materiality, type Rule } from './follow-rule.js'
import { synthesizeYear } from './synthetic-year.js'

const peakReplicas = 40
/** Roughly what a replica of the fleet carries. */
const requestsPerSecondPerReplica = 4
const lengths = { inputTokens: 600, outputTokens: 250 }

const data = process.env['LLMSCALE_TEST_DATA']
if (data === undefined) throw new Error('set LLMSCALE_TEST_DATA to the folder of the traces')
const seeds = process.argv.slice(2).map(Number)
compare(planDaily(await readBurstGpt(`${data}/burstgpt-hourly-42d.csv`)))
for (const seed of seeds.length > 0 ? seeds : [2]) compare(planDaily(createYear(seed)))
const { user } = process.cpuUsage()
console.log(`\n${(user / 1e6).toFixed(0)} s of CPU`)

function compare(daily: DailyPlans): void {
  const { world, days } = daily
  const { quietBelow } = world.config.pullRequests
  checkFigures(daily)
  const endless = { isRenewed: true }
  const nervous = { ...ofLargerFleet(quietBelow, 100), noiseShare: 0.002 }
  const rules: [string, Rule][] = [
    ['every plan', acceptAll],
    ['no plan', acceptNone],
    ['floors or maxima change by 10 %', changeBy(0.1)],
    ['floors or maxima change by 30 %', changeBy(0.3)],
    ['every seventh day', every(7)],
    ['material', materiality(quietBelow)],
    ['material, a fleet 100 times as dear', materiality(ofLargerFleet(quietBelow, 100))],
    ['material, a fleet a tenth as dear', materiality(ofLargerFleet(quietBelow, 0.1))],
    ['material, if plans did not end', materiality(quietBelow, endless)],
    ['… 100 times as dear, noise 0.2 %', materiality(nervous, endless)],
    ['… the same without hysteresis', materiality(withoutHysteresis(nervous), endless)],
  ]
  console.log(`\n${world.name}: ${days.length} daily plans`)
  console.log(
    `${'accepted'.padEnd(36)} USD a day  to all  of it shortfall  a week  most in 7 days  turns  explained`,
  )
  let all = 0
  for (const [name, rule] of rules) {
    const run = followRule(daily, rule)
    all ||= run.usdPerDay
    const turns = run.changes.filter(({ isTurn }) => isTurn)
    const explained = turns.filter(({ verdict }) => verdict?.reasons.some((text) => text.startsWith('turns')))
    const cells = [
      run.usdPerDay.toFixed(1).padStart(9),
      `${(100 * (run.usdPerDay / all - 1)).toFixed(1)} %`.padStart(8),
      run.shortfallUsdPerDay.toFixed(1).padStart(15),
      ((7 * run.changes.length) / days.length).toFixed(1).padStart(7),
      String(run.mostInSevenDays).padStart(15),
      String(turns.length).padStart(6),
      String(explained.length).padStart(10),
    ]
    console.log(`${name.padEnd(36)} ${cells.join(' ')}`)
  }
}

/** The short cut of `planOver` gives what `createPlan` states with that plan in force. */
function checkFigures({ days, planOver }: DailyPlans): void {
  for (let day = 10; day < days.length; day += 60) {
    const last = day - 7
    const stated = createPlan({ ...days[day]!.inputs, baseline: days[last]!.plan })
    const short = planOver(day, last)
    const pairs = [
      [stated.header.cost.doNothingUsdPerDay.p50, short.header.cost.doNothingUsdPerDay.p50],
      ...stated.reports.map((report, index) => [
        report.shortfallUsdPerDay.doNothing,
        short.reports[index]!.shortfallUsdPerDay.doNothing,
      ]),
    ]
    for (const [one, other] of pairs)
      if (Math.abs(one! - other!) > 1e-3 * one!) throw new Error(`day ${day}: ${one} is not ${other}`)
  }
}

type Settings = MaterialityInputs['settings']

/** The same fleet at other prices: what a review costs is all that does not grow with it. */
function ofLargerFleet(settings: Settings, factor: number): Settings {
  return { ...settings, reviewUsd: settings.reviewUsd / factor }
}

function withoutHysteresis(settings: Settings): Settings {
  return { ...settings, fallFactor: 1, turnFactor: 1, perWeek: Number.POSITIVE_INFINITY }
}

async function readBurstGpt(path: string): Promise<World> {
  const { history } = await readDemand({
    sources: [{ source: fileSource({ files: [path], regions: ['us-east-1'] }) }],
    assumedLengths: () => lengths,
  })
  const workloads = history.workloads.map((demand) => {
    const peak = demand.requests.reduce((most, count) => Math.max(most, count || 0), 0) / history.stepSeconds
    const scale = (column: Float64Array) =>
      column.map((amount) => (amount * peakReplicas * requestsPerSecondPerReplica) / peak)
    return {
      ...demand,
      requests: scale(demand.requests),
      inputTokens: scale(demand.inputTokens),
      outputTokens: scale(demand.outputTokens),
    }
  })
  return {
    name: 'BurstGPT',
    config: configOf(['api', 'conversation']),
    history: { ...history, workloads },
    firstDay: 14,
  }
}

function createYear(seed: number): World {
  const firstDay = 34
  const history = synthesizeYear(seed, firstDay + 365)
  return { name: `synthetic year ${seed}`, config: configOf(['consumer', 'office']), history, firstDay }
}

function configOf(models: string[]) {
  const text = {
    environments: { production: { regions: ['us-east-1'] } },
    metrics: { files: ['demand.csv'] },
    models: Object.fromEntries(models.map((name) => [name, { architecture: 'llama-3.1-8b', assumed: true }])),
    shapes: [{ instanceType: 'g6e.xlarge', gpusPerReplica: 1, precision: 'fp8' }],
    workloads: models.map((model) => ({
      model,
      target: { kind: 'Deployment', name: model },
      slo: { ttftP95: '2s' },
      assumedLengths: lengths,
      coldStart: { node: '180s', image: '60s', weights: '180s', warmUp: '60s' },
    })),
  }
  // JSON is YAML.
  return parseConfig(JSON.stringify(text), 'llmscale.yaml')
}
