import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { planFolder } from '../delivery/plan-folder.js'
import { LlmscaleError } from '../kit/errors.js'
import { cleanText } from '../kit/foreign-text.js'
import { formatInstant, parseInstant } from '../kit/time.js'
import { type EpochSeconds, secondsPerHour } from '../kit/units.js'
import type { ForecastScore } from '../live/live-metrics.js'
import type { Scorer } from '../live/run-exporter.js'
import type { Log } from '../live/state-log.js'
import type { WorkloadScore } from '../planning/score-plan.js'
import type { LiveProject } from './live-project.js'

/** So often the forecast is held against what came, each time up to a whole multiple of this. */
const everySeconds = 6 * secondsPerHour
/** A forecast of a large fleet takes minutes; scrapes do not wait for it. */
const priority = 10
const longestMilliseconds = 3600_000

/**
 * Scores the plan in force as `llmscale verify` does, by running it: in a process of its own, whose memory goes with it.
 * @param record whether the score is kept where receipts are
 */
export function createScorer(project: LiveProject, record: boolean, log: Log): Scorer & { close(): void } {
  let scores: readonly ForecastScore[] = []
  let last = ''
  let abort: AbortController | undefined
  const warn = (time: EpochSeconds, message: string) =>
    log({ time, level: 'warning', message: `the forecast is not scored: ${cleanText(message, [])}` })

  return {
    scores: () => scores,
    update: ({ plan, folder }, now) => {
      const asOf = Math.floor(now / everySeconds) * everySeconds
      const key = `${plan.planId} ${asOf}`
      if (abort !== undefined || key === last) return
      if (!last.startsWith(plan.planId)) scores = []
      last = key
      if (parseInstant(plan.header.origin)! >= asOf) return
      abort = new AbortController()
      const place = folder ?? join(project.folder, planFolder(project.environment))
      verify(project, place, asOf, record, abort.signal)
        .then((found) => requirePlan(found, plan.planId))
        .then(
          (found) => {
            scores = found
          },
          (error: Error) => warn(now, error.message),
        )
        .finally(() => {
          abort = undefined
        })
    },
    close: () => abort?.abort(),
  }
}

/** What is read of `llmscale verify --json`. */
interface Answer {
  error?: { message: string }
  result?: {
    planId: string
    score: { workloads: Pick<WorkloadScore, 'workload' | 'forecast' | 'backtestWape'>[] } | null
  }
}

async function verify(
  { configPath, environment }: LiveProject,
  folder: string,
  asOf: EpochSeconds,
  record: boolean,
  signal: AbortSignal,
): Promise<NonNullable<Answer['result']>> {
  const args = ['verify', '--json', '--config', configPath, '--env', environment, '--plan', folder]
  const answer = await runAgain(
    [...args, '--as-of', formatInstant(asOf), ...(record ? ['--record'] : [])],
    signal,
  )
  const { error, result } = JSON.parse(answer) as Answer
  if (error !== undefined) throw new LlmscaleError('badData', 'NOT_SCORED', error.message)
  return result!
}

/** Of a plan that was read from a branch, the files beside llmscale.yaml may be others. */
function requirePlan({ planId, score }: NonNullable<Answer['result']>, wanted: string): ForecastScore[] {
  if (planId !== wanted)
    throw new LlmscaleError(
      'badData',
      'NOT_SCORED',
      `the work tree has plan ${planId.slice(0, 12)}, another one`,
    )
  return (score?.workloads ?? []).map(({ workload, forecast, backtestWape }) => ({
    workload,
    wape: forecast.wape,
    coverage90: forecast.steps > 0 ? forecast.coverage90 : null,
    drift: forecast.wape !== null && backtestWape ? forecast.wape / backtestWape - 1 : null,
  }))
}

/** Runs this program with other arguments; gives what it prints. */
function runAgain(args: string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: longestMilliseconds,
    signal,
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  return new Promise((done, fail) => {
    child.on('spawn', () => setPriority(child.pid!, priority))
    child.on('error', fail)
    child.on('close', () => done(text))
  })
}
