import { type PresetName, presetNames } from '../../config/schema.js'
import { findCounted, findPresets, matchersOf, missingMetric, type Window } from './known-presets.js'
import type { PrometheusClient, Series } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'

/** What the metrics of a server say about how workloads are named and where they run. */
export interface Discovery {
  /** Presets whose requests are there; gateways first, since they see what engines turn away. */
  presets: PresetName[]
  labels: { model: string; region?: string; tenant?: string }
  /** Every label of the metric that counts requests, with how many values it has. */
  labelCounts: { label: string; values: number }[]
  /** What the pods of a model seem to belong to. */
  targets: Map<string, DiscoveredTarget>
}

interface DiscoveredTarget {
  kind: 'Deployment' | 'StatefulSet'
  name: string
  namespace?: string
  /** The pod that it was guessed from. */
  pod: string
}

/** Labels that name regions and tenants by custom, the likeliest first. */
const regionLabels = ['region', 'topology_kubernetes_io_region', 'cloud_region', 'location', 'cluster']
const tenantLabels = ['tenant', 'tenant_id', 'customer', 'organization', 'team', 'fairness_id']
const modelLabels = ['model_name', 'model', 'model_id', 'app', 'deployment', 'service']
/** Labels with more values than this tell processes or requests apart, not tenants. */
const mostTenants = 10_000

/**
 * Finds which presets a server has, and guesses the labels that the settings do not give. Rejects with what
 * the client throws, and METRIC_MISSING where nothing counts requests.
 */
export async function discoverWorkloads(
  client: PrometheusClient,
  settings: PrometheusSettings,
  window: Window,
): Promise<Discovery> {
  const asked: PresetName[] = settings.presets.length > 0 ? settings.presets : ['llm-d', ...presetNames]
  const matchers = matchersOf(settings)
  const found = await findPresets(client, { ...settings, presets: [...new Set(asked)] }, window)
  const present = found.filter((each) => findCounted([each], matchers) !== undefined)
  const counted = findCounted(present, matchers)
  if (counted === undefined) throw await missingMetric(client, { ...settings, presets: asked }, window)
  const { series: countedSeries } = counted
  const names = await client.labelNames(countedSeries, window.from, window.to)
  const labelCounts: Discovery['labelCounts'] = []
  for (const label of names.filter((each) => each !== '__name__')) {
    const values = await client.labelValues(label, countedSeries, window.from, window.to)
    labelCounts.push({ label, values: values.length })
  }
  const guess = (candidates: readonly string[]) =>
    candidates.find((label) => labelCounts.some((each) => each.label === label && each.values <= mostTenants))
  const model = settings.labels.model ?? guess(modelLabels) ?? 'model_name'
  const region = settings.labels.region ?? guess(regionLabels)
  const tenant = settings.labels.tenant ?? guess(tenantLabels)
  const { series } = await client.queryInstant(
    `group by (${model}, namespace, pod) (${countedSeries})`,
    window.to,
  )
  return {
    presets: present.map(({ name }) => name),
    labels: { model, ...(region !== undefined && { region }), ...(tenant !== undefined && { tenant }) },
    labelCounts,
    targets: guessTargets(series, model),
  }
}

/** Pods of a Deployment end in a digest of their template and a random part, those of a StatefulSet in a number. */
function guessTargets(series: readonly Series[], modelLabel: string): Map<string, DiscoveredTarget> {
  const targets = new Map<string, DiscoveredTarget>()
  for (const { labels } of series) {
    const { namespace, pod = '' } = labels
    const deployment = /^(.+)-[a-z0-9]{7,10}-[a-z0-9]{5}$/.exec(pod)?.[1]
    const statefulSet = /^(.+?)-\d+$/.exec(pod)?.[1]
    const name = deployment ?? statefulSet
    const model = labels[modelLabel]
    if (name === undefined || model === undefined || targets.has(model)) continue
    const kind = deployment === undefined ? 'StatefulSet' : 'Deployment'
    targets.set(model, { kind, name, pod, ...(namespace !== undefined && { namespace }) })
  }
  return targets
}
