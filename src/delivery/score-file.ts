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

/** How a learning window did in the shadow of the one in use. */
export const ChallengeRecord = z.strictObject({
  /** End of the data that it was tried on. */
  asOf: z.iso.datetime(),
  championSeconds: z.number().describe('How much of the past the forecast in use learns from.'),
  challengerSeconds: z.number(),
  origins: z.int(),
  skill: Share.describe('1 − pinball loss of the challenger / that of the forecast in use.'),
  skillInterval: z
    .strictObject({ low: z.number(), high: z.number() })
    .nullable()
    .describe('90 %, over resampled days; null with fewer than five.'),
  takesOver: z.boolean().describe('Surely better on at least 28 origins.'),
  reason: z.string(),
})
export type ChallengeRecord = z.infer<typeof ChallengeRecord>

/** At most so many are kept, the newest. */
const mostRecords = 60

const scoresPath = (environment: string) => `scores/${environment}.json`
const challengesPath = (environment: string) => `scores/${environment}.challengers.json`

/** Scores of an environment's plans, the newest first; none where they cannot be read. Throws what the store throws. */
export async function readScores(store: StateStore, environment: string): Promise<ScoreRecord[]> {
  return readRecords(store, scoresPath(environment), ScoreRecord)
}

/** Adds a score; one of the same plan and time is replaced. Throws what the store throws. */
export async function writeScore(store: StateStore, environment: string, record: ScoreRecord): Promise<void> {
  const others = (await readScores(store, environment)).filter(
    ({ planId, asOf }) => planId !== record.planId || asOf !== record.asOf,
  )
  await writeRecords(store, scoresPath(environment), [record, ...others])
}

/** What challengers of an environment's learning window did, the newest first; as `readScores`. */
export async function readChallenges(store: StateStore, environment: string): Promise<ChallengeRecord[]> {
  return readRecords(store, challengesPath(environment), ChallengeRecord)
}

/** Adds what a challenger did; one of the same window and time is replaced. Throws what the store throws. */
export async function writeChallenge(
  store: StateStore,
  environment: string,
  record: ChallengeRecord,
): Promise<void> {
  const others = (await readChallenges(store, environment)).filter(
    ({ challengerSeconds, asOf }) => challengerSeconds !== record.challengerSeconds || asOf !== record.asOf,
  )
  await writeRecords(store, challengesPath(environment), [record, ...others])
}

async function readRecords<T>(store: StateStore, path: string, schema: z.ZodType<T>): Promise<T[]> {
  const text = await store.read(path)
  try {
    return z.array(schema).parse(JSON.parse(text ?? '[]'))
  } catch {
    return []
  }
}

async function writeRecords(
  store: StateStore,
  path: string,
  records: readonly { asOf: string }[],
): Promise<void> {
  const kept = [...records].sort((a, b) => (a.asOf < b.asOf ? 1 : -1)).slice(0, mostRecords)
  await store.write(path, `${JSON.stringify(kept, null, 2)}\n`)
}
