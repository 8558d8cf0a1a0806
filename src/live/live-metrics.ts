import { parseInstant } from '../kit/time.js'
import type { Workload } from '../kit/workload.js'
import { liveQuantiles } from '../planning/live-floor.js'
import { findHold, type Instant, type Snapshot, validUntil, type WorkloadStatus } from './live-state.js'
import type { MetricFamily, Sample } from './open-metrics.js'

/** How the day-ahead forecast of a workload did since the plan. */
export interface ForecastScore {
  workload: Workload
  wape: number | null
  coverage90: number | null
  /** WAPE over the backtest's, less one; null where one is not known. */
  drift: number | null
}

type Labels = Sample['labels']

/** All metrics at a time. */
export function createFamilies(
  environment: string,
  snapshot: Snapshot,
  statuses: readonly WorkloadStatus[],
  scores: readonly ForecastScore[],
  at: Instant,
): MetricFamily[] {
  const all: Labels = { environment }
  const labelled = statuses.map((status) => ({ status, labels: labelsOf(environment, status.workload) }))
  const scored = scores.map((score) => ({ score, labels: labelsOf(environment, score.workload) }))
  const each = (value: (status: WorkloadStatus) => number | undefined): Sample[] =>
    labelled.flatMap(({ status, labels }) => known(labels, value(status)))
  const eachScore = (value: (score: ForecastScore) => number | null): Sample[] =>
    scored.flatMap(({ score, labels }) => known(labels, value(score) ?? undefined))
  const { reading, dataEnd } = snapshot
  const { plan } = reading
  return [
    gauge(
      'live_floor_replicas',
      'Replicas that must run: the template, raised by the live floor; missing until demand has been read once.',
      // Who has just started must not take back what the exporter before it said: autoscalers hold that for a while.
      each(({ floor, state }) => (state.reason === 'starting' ? undefined : floor)),
    ),
    gauge(
      'template_floor_replicas',
      'Replicas that the reviewed template asks for now.',
      each(({ template }) => template),
    ),
    gauge(
      'live_maximum_replicas',
      'Replicas up to which the plan lets the live floor go.',
      each(({ decision: { live } }) => live?.maximum),
    ),
    gauge(
      'hard_maximum_replicas',
      'Replicas that are never exceeded.',
      each(({ decision }) => decision.hardMaximum),
    ),
    gauge(
      'forecast_load_replicas',
      'Quantiles of the highest load until the next floor can be ready, in replicas.',
      labelled.flatMap(({ status: { forecast }, labels }) =>
        forecast === undefined
          ? []
          : liveQuantiles.map((quantile, index) => ({
              // A label named quantile is for summaries alone, says promtool.
              labels: { ...labels, probability: String(quantile) },
              value: forecast.quantiles[index]!,
            })),
      ),
    ),
    gauge(
      'expected_cost_usd_per_hour',
      'Estimated cost of the replicas that floor and expected load ask for, at the prices of the plan.',
      each(costOf),
      'usd_per_hour',
    ),
    gauge(
      'live_gate_open',
      'Whether the plan opens the live floor of a workload: 1 or 0.',
      each(({ decision: { live } }) => (live === undefined ? 0 : 1)),
    ),
    gauge(
      'live_state',
      'Whether the live floor is followed or the template stands, and why: 1 for the present state.',
      labelled.map(({ status: { state: now }, labels }) => ({
        labels: { ...labels, state: now.state, reason: now.reason },
        value: 1,
      })),
    ),
    gauge(
      'forecast_wape_ratio',
      'Error of the day-ahead forecast since the plan: sum of absolute errors over the sum of requests.',
      eachScore(({ wape }) => wape),
    ),
    gauge(
      'forecast_coverage_ratio',
      'Share of steps since the plan within the central 90 % of the day-ahead forecast.',
      eachScore(({ coverage90 }) => coverage90),
    ),
    gauge(
      'forecast_drift_ratio',
      'Error of the day-ahead forecast since the plan over that of its backtest, less one.',
      eachScore(({ drift }) => drift),
    ),
    {
      name: 'llmscale_plan',
      type: 'info',
      help: 'The plan that is followed.',
      samples: [{ labels: { ...all, plan_id: plan.planId }, value: 1 }],
    },
    gauge('plan_age_seconds', 'Time since the plan was made.', [
      { labels: all, value: at.now - parseInstant(plan.header.origin)! },
    ]),
    gauge('plan_valid_seconds', 'Time for which the plan is valid still; negative once it has expired.', [
      { labels: all, value: validUntil(reading) - at.now },
    ]),
    gauge('plan_held', 'Whether a hold forbids to follow the plan: 1 or 0.', [
      { labels: all, value: findHold(reading, at.now) === undefined ? 0 : 1 },
    ]),
    gauge('source_age_seconds', 'Time since the end of the last complete step that the source has.', [
      { labels: all, value: dataEnd === undefined ? Number.POSITIVE_INFINITY : at.now - dataEnd },
    ]),
    gauge('refresh_duration_seconds', 'How long the last refresh took.', known(all, snapshot.refreshSeconds)),
    counter('refreshes', 'Refreshes of plan and demand.', [{ labels: all, value: snapshot.refreshes }]),
    counter('refresh_failures', 'Refreshes in which plan or demand could not be read.', [
      { labels: all, value: snapshot.failures },
    ]),
  ]
}

/** As KEDA's query selects them: a workload of all tenants has no label tenant. */
function labelsOf(environment: string, { model, region, tenant }: Workload): Labels {
  return { environment, model, region, ...(tenant !== undefined && { tenant }) }
}

function known(labels: Labels, value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels, value }]
}

/** What runs is at least the floor, and what the reactive trigger asks for at the expected load. */
function costOf({ floor, forecast, decision, report }: WorkloadStatus): number {
  const load = forecast?.quantiles[0] ?? Number.NaN
  const reactive = Number.isNaN(load) ? 0 : Math.ceil(load / report.reactiveTarget - 1e-9)
  return Math.max(floor, Math.min(reactive, decision.hardMaximum)) * report.usdPerReplicaHour
}

const units = ['replicas', 'seconds', 'ratio']

function gauge(name: string, help: string, samples: Sample[], unit = lastWord(name)): MetricFamily {
  return { name: `llmscale_${name}`, type: 'gauge', help, samples, ...(unit !== undefined && { unit }) }
}

function counter(name: string, help: string, samples: Sample[]): MetricFamily {
  return { name: `llmscale_${name}`, type: 'counter', help, samples }
}

function lastWord(name: string): string | undefined {
  return units.find((unit) => name.endsWith(`_${unit}`))
}
