import { ownMethod } from '../forecast/backtest/backtest.js'
import type { MaximumBacktest } from '../forecast/backtest/backtest-maximum.js'
import type { BacktestScores, MethodScore, PathShares } from '../forecast/backtest/backtest-scores.js'
import type { Share } from '../forecast/backtest/binomial-interval.js'
import type { Skill } from '../forecast/backtest/skill.js'
import { roundTo } from '../kit/canonical.js'
import { formatShare } from '../kit/format.js'
import { formatDuration } from '../kit/time.js'
import type { Table } from './table.js'

/** When and how it was measured; every figure of a backtest is out of sample. */
export function describeBacktest({
  origins,
  everySeconds,
  horizonSeconds,
  stepSeconds,
  workloads,
}: BacktestScores): string {
  const count = workloads.length === 1 ? workloads[0]!.workload : `${workloads.length} workloads`
  return [
    `Backtest of requests: ${count}, ${formatDuration(horizonSeconds)} ahead every ${formatDuration(stepSeconds)}.`,
    `${origins.count} origins every ${formatDuration(everySeconds)}, ${origins.first} … ${origins.last}.`,
    'Every figure is out of sample: a forecast reads only what is before its origin.',
  ].join('\n')
}

/** WAPE of every method by horizon, all workloads together. */
export function tabulateErrors(scores: BacktestScores): Table {
  return tabulateMethods(scores, 'WAPE to', ({ wape }) => shareOrDash(wape))
}

/** Pinball loss against each workload's naive baseline: above zero is better than it. */
export function tabulateSkills(scores: BacktestScores): Table {
  return tabulateMethods(scores, 'Skill to', ({ skill }) => signedOrDash(skill))
}

function tabulateMethods(
  { pooled, horizons }: BacktestScores,
  header: string,
  cell: (score: MethodScore) => string,
): Table {
  const methods = [...new Set(pooled.scores.map(({ method }) => method))]
  return {
    columns: [{ header: `Method, ${header}` }, ...rightColumns(...horizons.map(formatDuration))],
    rows: methods.map((method) => [
      method,
      ...pooled.scores.filter((score) => score.method === method).map(cell),
    ]),
  }
}

/** Our own forecast by horizon, all workloads together. */
export function tabulateHorizons({ pooled }: BacktestScores): Table {
  return {
    columns: [
      { header: `${ownMethod}, to` },
      ...rightColumns('MASE', 'WAPE', 'Pinball', 'CRPS', 'Interval score', 'Skill', '(90 %)'),
    ],
    rows: ownScores(pooled).map((score) => [
      formatDuration(score.horizonSeconds),
      score.mase?.toFixed(2) ?? '–',
      shareOrDash(score.wape),
      shareOrDash(score.pinball),
      shareOrDash(score.crps),
      shareOrDash(score.intervalScore),
      signedOrDash(score.skill),
      skillInterval(score),
    ]),
  }
}

/** Each workload beside its naive baseline, over all leads. */
export function tabulateWorkloadScores({ workloads }: BacktestScores): Table {
  return {
    columns: [
      { header: 'Workload' },
      ...rightColumns('WAPE', 'Naive'),
      { header: 'which is' },
      ...rightColumns('Skill', '(90 %)', 'In 90 %'),
    ],
    rows: workloads.map(({ workload, baseline, scores }) => {
      const own = lastOf(scores, ownMethod)
      return [
        workload,
        shareOrDash(own.wape),
        shareOrDash(lastOf(scores, baseline).wape),
        baseline.replace('seasonal-naive-', ''),
        signedOrDash(own.skill),
        skillInterval(own),
        percent(own.coverage90),
      ]
    }),
  }
}

/** How often what came was inside the intervals: steps by horizon, and what plans read off the paths. */
export function tabulateCoverage({ pooled, maximumSteps, stepSeconds }: BacktestScores): Table {
  const rows: [string, PathShares][] = [
    ...ownScores(pooled).map((score): [string, PathShares] => [
      `steps to ${formatDuration(score.horizonSeconds)}`,
      score,
    ]),
    ['sum of a day', pooled.daySums],
    [`maximum over ${formatDuration(maximumSteps * stepSeconds)}`, pooled.maxima],
  ]
  return {
    columns: [
      { header: 'Inside the interval' },
      ...rightColumns('50 %', '(95 %)', '80 %', '(95 %)', '90 %', '(95 %)', 'of'),
    ],
    rows: rows.map(([name, { coverage50, coverage80, coverage90 }]) => [
      name,
      ...[coverage50, coverage80, coverage90].flatMap((share) =>
        share.count === 0 ? ['–', '–'] : [percent(share), interval(share)],
      ),
      String(coverage90.count),
    ]),
  }
}

/** The usual critical ratio of a floor. */
const floorQuantile = 0.95

const csvFields = [
  'mase',
  'wape',
  'pinball',
  'crps',
  'intervalScore',
  'coverage50',
  'coverage80',
  'coverage90',
  'skill',
] as const

/** Every score, a row by workload, method and horizon; `pooled` is all workloads together. */
export function backtestCsv({ pooled, workloads }: BacktestScores): string {
  const rows = [{ workload: 'pooled', scores: pooled.scores }, ...workloads].flatMap(({ workload, scores }) =>
    scores.map((score) =>
      [
        `"${workload.replaceAll('"', '""')}"`,
        score.method,
        score.horizonSeconds,
        score.points,
        ...csvFields.map((field) => {
          const value = score[field]
          return csvNumber(value === null || typeof value === 'number' ? value : value.share)
        }),
      ].join(','),
    ),
  )
  return [['workload', 'method', 'horizon_seconds', 'points', ...csvFields].join(','), ...rows].join('\n')
}

function lastOf(scores: readonly MethodScore[], method: string): MethodScore {
  return scores.findLast((score) => score.method === method)!
}

/** What was scored of maxima, and when. */
export function describeMaxima({
  coldStartSeconds,
  everySeconds,
  stepSeconds,
  from,
  to,
  workloads,
}: MaximumBacktest): string {
  return [
    `Highest load within ${formatDuration(coldStartSeconds + everySeconds)}: a cold start of ${formatDuration(coldStartSeconds)}, forecasts every ${formatDuration(everySeconds)}.`,
    `${workloads.length === 1 ? workloads[0]!.workload : `${workloads.length} workloads`}, ${from} … ${to}, out of sample.`,
    `Loads are means of ${formatDuration(stepSeconds)}: bursts within a step are not seen.`,
  ].join('\n')
}

/** Loss of every method by quantile, as shares of the mean maximum, and skill over persistence. */
export function tabulateMaximumLosses({ pooled, quantiles }: MaximumBacktest): Table {
  return {
    columns: [
      { header: 'Method, pinball loss' },
      ...rightColumns(...quantiles.map((each) => `q${each}`), 'Skill', '(90 %)'),
    ],
    rows: pooled.map((score) => [
      score.method,
      ...score.pinball.map(shareOrDash),
      signedOrDash(score.skill),
      skillInterval(score),
    ]),
  }
}

/** What the floor of a quantile alone would have led to. */
export function tabulateMaximumFloors({ pooled, workloads, quantiles }: MaximumBacktest): Table {
  const at = quantiles.indexOf(floorQuantile)
  return {
    columns: [
      { header: `Floor of q${floorQuantile}` },
      { header: 'of' },
      ...rightColumns('Covers', 'Late', 'Idle', 'Origins'),
    ],
    rows: [{ workload: 'all', scores: pooled }, ...workloads].flatMap(({ workload, scores }) =>
      scores.map(({ method, coverage, lateShare, idleShare, origins }) => [
        workload,
        method,
        ...[coverage, lateShare, idleShare].map((shares) => shareOrDash(shares[at] ?? null)),
        String(origins),
      ]),
    ),
  }
}

/** One row a workload, method and quantile; `pooled` is all workloads together. */
export function maximaCsv({ pooled, workloads, quantiles }: MaximumBacktest): string {
  const rows = [{ workload: 'pooled', scores: pooled }, ...workloads].flatMap(({ workload, scores }) =>
    scores.flatMap((score) =>
      quantiles.map((each, index) =>
        [
          `"${workload.replaceAll('"', '""')}"`,
          score.method,
          each,
          score.origins,
          ...[score.pinball, score.coverage, score.lateShare, score.idleShare].map((values) =>
            csvNumber(values[index]!),
          ),
          csvNumber(score.skill),
        ].join(','),
      ),
    ),
  )
  return ['workload,method,quantile,origins,pinball,coverage,late_share,idle_share,skill', ...rows].join('\n')
}

function csvNumber(value: number | null): string {
  return value === null || Number.isNaN(value) ? '' : String(roundTo(value))
}

function ownScores({ scores }: BacktestScores['pooled']): MethodScore[] {
  return scores.filter(({ method }) => method === ownMethod)
}

function rightColumns(...headers: string[]): Table['columns'] {
  return headers.map((header) => ({ header, align: 'right' }))
}

function shareOrDash(share: number | null): string {
  return share === null || Number.isNaN(share) ? '–' : formatShare(share)
}

function signedOrDash(skill: number | null): string {
  return skill === null ? '–' : skill.toFixed(2).replace('-', '−')
}

function skillInterval({ skillInterval: range }: Skill): string {
  return range === null ? '–' : `${signedOrDash(range.low)}…${signedOrDash(range.high)}`
}

function percent({ share }: Share): string {
  return `${Math.round(100 * share)} %`
}

function interval({ low, high }: Share): string {
  return `${Math.round(100 * low)}–${Math.round(100 * high)}`
}
