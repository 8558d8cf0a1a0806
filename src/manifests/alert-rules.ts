import { quoteLabelValue } from '../metrics/prometheus/promql.js'
import type { AlertRule, PrometheusRule } from './cluster-object.js'
import { createMetadata } from './metadata.js'

const workloadLabels = 'environment, model, region, tenant'
const ofWorkload =
  '{{ $labels.model }} in {{ $labels.region }}{{ with $labels.tenant }}, tenant {{ . }}{{ end }}'
/** A night's sleep and a working day to merge a plan. */
const soonSeconds = 86_400
/** Below 0.9 by more than a day of steps differs by chance. */
const leastCoverage = 0.75

/**
 * When people should look: exporters that are gone or read nothing, a plan that ends, floors that would rise further,
 * forecasts that are off. Each says what still holds. Exporters of one environment count as one wherever one of them is enough.
 */
export function createAlertRules(
  environment: string,
  metadata: { name: string; namespace: string; labels: Record<string, string> },
): PrometheusRule {
  const { name, namespace, labels } = metadata
  const own = createMetadata(name, namespace)
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { ...own, labels: { ...own.labels, ...labels } },
    spec: { groups: [{ name, rules: listRules(`environment=${quoteLabelValue(environment)}`) }] },
  }
}

function listRules(matcher: string): AlertRule[] {
  const of = (metric: string, matchers = matcher) => `llmscale_${metric}{${matchers}}`
  const byWorkload = (metric: string, most = 'max') => `${most} by (${workloadLabels}) (${of(metric)})`
  const byEnvironment = (expression: string) => `max by (environment) (${expression})`
  const floor = byWorkload('live_floor_replicas')
  const valid = byEnvironment(of('plan_valid_seconds'))
  return [
    rule('ExporterAbsent', '10m', `absent(${of('plan_info')})`, {
      summary: 'No exporter of live floors is scraped.',
      description: 'The last floors stand for half an hour; then template and reactive trigger are left.',
    }),
    rule(
      'RefreshFailing',
      '15m',
      `${byEnvironment(`increase(${of('refreshes_total')}[30m]) - increase(${of('refresh_failures_total')}[30m])`)} < 1`,
      {
        summary: 'No exporter could read plan and demand in half an hour.',
        description: 'The template stands. The log of the exporter says what failed.',
      },
    ),
    rule('DemandStale', '10m', `min by (environment) (${of('source_age_seconds')}) > 1800`, {
      summary: 'The last step of demand ended {{ $value | humanizeDuration }} ago.',
      description: 'The template stands until the source has newer demand.',
    }),
    rule('PlanExpiresSoon', '1h', `${valid} > 0 < ${soonSeconds}`, {
      summary: 'The plan is valid for another {{ $value | humanizeDuration }}.',
      description: 'Then the template stands. Merge a new plan, or see why none was proposed.',
    }),
    rule('PlanExpired', '5m', `${valid} <= 0`, {
      summary: 'The plan has expired.',
      description: 'The template stands, live floors do not. Merge a new plan.',
    }),
    rule(
      'LiveFloorOff',
      '1h',
      // Which reason may change; what one exporter follows is followed.
      `max by (${workloadLabels}) (${of('live_state', `${matcher},state="template",reason!~"gate-closed|plan-held"`)}) unless on (${workloadLabels}) ${of('live_state', `${matcher},state="following"`)}`,
      {
        summary: `The live floor of ${ofWorkload} is off, and the template stands.`,
        description: 'The label reason of llmscale_live_state and the log of the exporter say why.',
      },
    ),
    rule(
      'FloorAtMaximum',
      '1h',
      `${floor} >= max by (${workloadLabels}) (${of('live_maximum_replicas')} or ${of('hard_maximum_replicas')}) and ${floor} > ${byWorkload('template_floor_replicas')}`,
      {
        summary: `The live floor of ${ofWorkload} is at its maximum of {{ $value }} replicas.`,
        description: 'The forecast may ask for more than was approved. A new plan can raise the maximum.',
      },
    ),
    rule('ExportersDisagree', '30m', `${floor} > ${byWorkload('live_floor_replicas', 'min')}`, {
      summary: `Exporters publish different floors of ${ofWorkload}.`,
      description: 'The highest, {{ $value }}, counts. Do they read the same plan and the same source?',
    }),
    rule(
      'CoverageOff',
      '6h',
      `${byWorkload('forecast_coverage_ratio')} < ${leastCoverage}`,
      {
        summary: `Only {{ $value | humanizePercentage }} of the demand of ${ofWorkload} is in the 90 % band of its forecast.`,
        description:
          'Floors rest on that band. `llmscale verify` shows where they differ; a new plan learns from it.',
      },
      'info',
    ),
    rule(
      'ForecastDrift',
      '6h',
      `${byWorkload('forecast_drift_ratio', 'min')} > 1`,
      {
        summary: `The forecast of ${ofWorkload} errs more than twice as much as in its backtest.`,
        description: 'Demand may have changed its level or its days. A new plan learns from it.',
      },
      'info',
    ),
  ]
}

function rule(
  name: string,
  duration: string,
  expr: string,
  annotations: AlertRule['annotations'],
  severity = 'warning',
): AlertRule {
  return { alert: `Llmscale${name}`, expr, for: duration, labels: { severity }, annotations }
}
