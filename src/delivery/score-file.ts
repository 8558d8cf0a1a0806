import { z } from 'zod'
import { DailyPeak } from '../planning/capacity-plan.js'
import { verdicts } from '../planning/verdict.js'
import type { StateStore } from './state-store.js'

const Share = z.number().nullable()
const Comparison = z.strictObject({ plan: z.number(), doNothing: z.number() })
const OutcomeScore = z.strictObject({
  steps: z.int(),
  wape: Share,
  pinballLoss: z.number().describe('Requests a slot: an hour, or a step where that is longer.'),
  coverage80: z.number(),
  coverage90: z.number(),
})

/** As `verify` answers; see `PlanScore`. */
export const ScoredPlan = z.strictObject({
  from: z.string(),
  until: z.string(),
  days: z.number(),
  isReproduced: z.boolean().nullable().describe('Whether the forecast made again is that of the plan.'),
  breachShare: Comparison.extend({
    stated: z.number().describe('Of the plan, when it was made.'),
    p95: z.number().describe('0.95 quantile over the paths of the forecast, for the same time.'),
  }).describe('Share of requests without capacity; estimated on measured demand.'),
  lossUsdPerDay: Comparison.describe('Idle plus shortfall cost; estimated on measured demand.'),
  daysBetterUndone: z.strictObject({ count: z.int(), of: z.int() }),
  error: z
    .strictObject({
      wape: z.number(),
      backtestWape: z.number(),
      daysWorse: z
        .exactOptional(z.strictObject({ count: z.int(), of: z.int() }))
        .describe('Whole days, and those with more error than the backtest.'),
    })
    .nullable()
    .describe('Measured; workloads count by what their demand costs.'),
  workloads: z.array(
    z.strictObject({
      workload: z.strictObject({
        model: z.string(),
        region: z.string(),
        tenant: z.exactOptional(z.string()),
      }),
      forecast: OutcomeScore,
      baseline: OutcomeScore.extend({ name: z.string() }),
      backtestWape: Share,
      breachShare: Comparison,
      lossUsdPerDay: Comparison,
      floorUnmetShare: Share.describe('Share of steps in which fewer replicas served than the floor.'),
      days: z.array(
        z.strictObject({
          date: z.string(),
          peakReplicas: z.number(),
          plannedPeak: DailyPeak.nullable(),
          breachShare: z.number(),
          floors: z.enum(['held', 'missed']),
        }),
      ),
    }),
  ),
  unscored: z.array(z.string()),
})

/** How a plan did, and what to do about it. */
export const ScoreRecord = z.strictObject({
  planId: z.string(),
  asOf: z.iso.datetime(),
  verdict: z.enum(verdicts),
  reason: z.string(),
  score: ScoredPlan,
})
export type ScoreRecord = z.infer<typeof ScoreRecord>

/** At most so many are kept, the newest. */
const mostRecords = 60

const pathOf = (environment: string) => `scores/${environment}.json`

/** Scores of an environment's plans, the newest first; none where they cannot be read. Throws what the store throws. */
export async function readScores(store: StateStore, environment: string): Promise<ScoreRecord[]> {
  const text = await store.read(pathOf(environment))
  try {
    return z.array(ScoreRecord).parse(JSON.parse(text ?? '[]'))
  } catch {
    return []
  }
}

/** Adds a score; one of the same plan and time is replaced. Throws what the store throws. */
export async function writeScore(store: StateStore, environment: string, record: ScoreRecord): Promise<void> {
  const others = (await readScores(store, environment)).filter(
    ({ planId, asOf }) => planId !== record.planId || asOf !== record.asOf,
  )
  const records = [record, ...others].sort((a, b) => (a.asOf < b.asOf ? 1 : -1)).slice(0, mostRecords)
  await store.write(pathOf(environment), `${JSON.stringify(records, null, 2)}\n`)
}
