import { LlmscaleError } from '../../kit/errors.js'
import { formatDuration, formatInstant } from '../../kit/time.js'
import { secondsPerDay } from '../../kit/units.js'
import { workloadId } from '../../kit/workload.js'
import type { DemandHistory, WorkloadDemand } from '../../metrics/demand-history.js'
import { dayAheadTemplate, persistenceWithMargin } from '../window-maximum/naive-maximum.js'
import {
  type MaximumDay,
  type MaximumScoreOptions,
  poolMaximumDays,
  scoreWindowMaximum,
  type WindowMaximumScore,
} from '../window-maximum/score-window-maximum.js'
import { maximumRegression, type WindowMaximumMethod } from '../window-maximum/window-maximum.js'
import { compareLosses, type Skill } from './skill.js'

export interface MaximumBacktestOptions {
  coldStartSeconds: number
  /** Between two forecasts: a window is a cold start and this. */
  everySeconds: number
}

/** Skill is that of the pinball loss over persistence. */
interface MaximumMethodScore extends WindowMaximumScore, Skill {
  method: string
}

export interface MaximumBacktest extends MaximumBacktestOptions {
  stepSeconds: number
  quantiles: readonly number[]
  from: string
  to: string
  /** Sums over workloads: larger ones count for more. */
  pooled: MaximumMethodScore[]
  workloads: { workload: string; scores: MaximumMethodScore[] }[]
}

const quantiles = [0.5, 0.9, 0.95, 0.99] as const
const persistence = persistenceWithMargin('ratio', 4)
const methods: readonly WindowMaximumMethod[] = [maximumRegression, persistence, dayAheadTemplate]
const usualDays = 14
const leastHistoryDays = 2

/**
 * Scores the highest load within a cold start and a re-forecast interval on the last 14 days, or on the later half of a
 * shorter history: re-fitted once a day, each forecast from what lies before it, beside persistence with a margin and the
 * template of a plan made the day before.
 *
 * @throws LlmscaleError `badData` HISTORY_TOO_SHORT below two days
 */
export function backtestMaximum(history: DemandHistory, options: MaximumBacktestOptions): MaximumBacktest {
  const { length, stepSeconds, start } = history
  const day = secondsPerDay / stepSeconds
  if (length < leastHistoryDays * day)
    throw new LlmscaleError(
      'badData',
      'HISTORY_TOO_SHORT',
      `the history covers ${formatDuration(length * stepSeconds)}; a backtest of maxima needs at least ${leastHistoryDays} days`,
    )
  const from = length - Math.floor(Math.min(length / 2, usualDays * day))
  const scoring = { ...options, stepSeconds, quantiles }
  const days = history.workloads.map((demand) => scoreMethods(demand, from, scoring))
  return {
    ...options,
    stepSeconds,
    quantiles,
    from: formatInstant(start + from * stepSeconds),
    to: formatInstant(start + length * stepSeconds),
    pooled: compare(days),
    workloads: history.workloads.map(({ workload }, index) => ({
      workload: workloadId(workload),
      scores: compare([days[index]!]),
    })),
  }
}

/** By method. */
function scoreMethods(
  { requests, mask }: WorkloadDemand,
  from: number,
  options: MaximumScoreOptions,
): MaximumDay[][] {
  const load = requests.map((amount, step) => (mask[step] === 0 ? amount / options.stepSeconds : Number.NaN))
  return methods.map((method) => scoreWindowMaximum(method, load, from, load.length, options))
}

function compare(workloads: readonly MaximumDay[][][]): MaximumMethodScore[] {
  const rival = methods.indexOf(persistence)
  return methods.map(({ name }, method) => {
    const own = workloads.map((byMethod) => byMethod[method]!)
    const naive = workloads.map((byMethod) => byMethod[rival]!)
    return {
      method: name,
      ...poolMaximumDays(own.flat()),
      ...compareLosses(lossByDay(own), lossByDay(naive)),
    }
  })
}

/** Pinball loss over all workloads and quantiles, by day. */
function lossByDay(workloads: readonly MaximumDay[][]): number[] {
  return workloads[0]!.map((_, day) =>
    workloads.reduce((sum, days) => sum + days[day]!.pinball.reduce((total, loss) => total + loss, 0), 0),
  )
}
