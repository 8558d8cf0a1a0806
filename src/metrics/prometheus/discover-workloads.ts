import { type PresetName, presetNames } from '../../config/schema.js'
import { LlmscaleError, type Warning } from '../../kit/errors.js'
import { findCounted, findPresets, matchersOf, missingMetric, type Window } from './known-presets.js'
import type { Preset } from './preset.js'
import type { PrometheusClient, Series } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { groupQuery } from './promql.js'

type Labels = PrometheusSettings['labels']

/** What the metrics of a server say about how workloads are named and where they run. */
export interface Discovery {
  /** Presets whose requests are there; gateways first, since they see what engines turn away. */
  presets: PresetName[]
  /** Those of the settings, and those that were guessed. */
  labels: Labels
  guessed: (keyof Labels)[]
  /** Every label of the metrics that count requests, with how many values it has; none of the user's own PromQL. */
  labelCounts: { label: string; values: number }[]
  /** What the pods of a model seem to belong to. */
  targets: Map<string, DiscoveredTarget>
  findings: Warning[]
}

interface DiscoveredTarget {
  kind: 'Deployment' | 'StatefulSet' | 'LeaderWorkerSet'
  name: string
  namespace?: string
  /** The pod that it was guessed from. */
  pod: string
}

/** Series that count requests, and the values of each label of theirs. */
interface Counter {
  name: PresetName
  preset: Preset
  series: string
  values: ReadonlyMap<string, readonly string[]>
}

const gatewaysFirst: readonly PresetName[] = ['llm-d', ...presetNames.filter((name) => name !== 'llm-d')]
/** Labels that name models, regions and tenants by custom, the likeliest first. */
const customaryLabels: { readonly [role in keyof Labels]-?: readonly string[] } = {
  model: ['model_name', 'model', 'model_id', 'app', 'deployment', 'service'],
  region: ['region', 'topology_kubernetes_io_region', 'cloud_region', 'location', 'cluster'],
  tenant: ['tenant', 'tenant_id', 'customer', 'organization', 'team', 'fairness_id'],
}
/** Labels with more values than this tell processes or requests apart, not tenants. */
const mostTenants = 10_000
/** Pods are looked for in so many parts of the window. */
const looks = 100
/** The label of its pods, as Prometheus writes it. https://lws.sigs.k8s.io/docs/reference/labels-annotations-and-environment-variables/ */
const leaderWorkerSetLabel = 'leaderworkerset_sigs_k8s_io_name'

/**
 * Finds which presets a server has, and guesses the labels that the settings do not give. The user's own PromQL is
 * taken as it is. Rejects with what the client throws, `badData` METRIC_MISSING where nothing counts requests, and
 * `configInvalid` LABEL_NEEDED where no label seems to name the model.
 */
export async function discoverWorkloads(
  client: PrometheusClient,
  settings: PrometheusSettings,
  window: Window,
): Promise<Discovery> {
  const { labels } = settings
  if (settings.queries.requests !== undefined) {
    const { presets } = settings
    return { presets, labels, guessed: [], labelCounts: [], targets: new Map(), findings: [] }
  }
  const asked = [...new Set(settings.presets.length > 0 ? settings.presets : gatewaysFirst)]
  const found = await findCounters(client, { ...settings, presets: asked }, window)
  if (found.length === 0) throw await missingMetric(client, { ...settings, presets: asked }, window)
  const named = found.filter(({ preset, values }) => values.has(labels.model ?? preset.modelLabel ?? ''))
  const counters = named.length > 0 ? named : found
  const guesses: Labels = {
    ...(named.length === 0 && labels.model === undefined && { model: requireModelLabel(client, found) }),
    ...guessLabel('region', labels, counters),
    ...guessLabel('tenant', labels, counters),
  }
  const all = { ...labels, ...guesses }
  return {
    presets: counters.map(({ name }) => name),
    labels: all,
    guessed: Object.keys(guesses) as (keyof Labels)[],
    labelCounts: countValues(counters),
    targets: await findTargets(client, counters, all.model, window),
    findings: found.filter((each) => !counters.includes(each)).map(describeUnnamed),
  }
}

async function findCounters(
  client: PrometheusClient,
  settings: PrometheusSettings,
  window: Window,
): Promise<Counter[]> {
  const { from, to } = window
  const counters: Counter[] = []
  for (const known of await findPresets(client, settings, window)) {
    const series = findCounted([known], matchersOf(settings))?.series
    if (series === undefined) continue
    const values = new Map<string, readonly string[]>()
    for (const label of await client.labelNames(series, from, to))
      if (label !== '__name__') values.set(label, await client.labelValues(label, series, from, to))
    counters.push({ name: known.name, preset: known.preset, series, values })
  }
  return counters
}

/** The likeliest label of a role, where the settings name none and all counters have it. */
function guessLabel(role: keyof Labels, labels: Labels, counters: readonly Counter[]): Labels {
  if (labels[role] !== undefined) return {}
  const label = customaryLabels[role].find((name) =>
    counters.every(({ values }) => values.has(name) && values.get(name)!.length <= mostTenants),
  )
  return label === undefined ? {} : { [role]: label }
}

function requireModelLabel(client: PrometheusClient, counters: readonly Counter[]): string {
  const { model } = guessLabel('model', {}, counters)
  if (model !== undefined) return model
  const [{ series, values }] = counters as [Counter]
  throw new LlmscaleError(
    'configInvalid',
    'LABEL_NEEDED',
    `${client.name}: nothing says which label of ${series} names the model; it has ${[...values.keys()].join(', ')}`,
    ['Name it: --label model=NAME, or labels: {model: NAME} of prometheus: in llmscale.yaml.'],
  )
}

function describeUnnamed({ name, values }: Counter): Warning {
  return {
    code: 'PRESET_UNUSED',
    message: `The metrics of ${name} are there too, without a label that names the model as those of the others do (${[...values.keys()].join(', ')}): give them a source of their own with labels: {model: NAME}.`,
  }
}

function countValues(counters: readonly Counter[]): Discovery['labelCounts'] {
  const byLabel = new Map<string, Set<string>>()
  for (const [label, values] of counters.flatMap((counter) => [...counter.values]))
    byLabel.set(label, new Set([...(byLabel.get(label) ?? []), ...values]))
  return [...byLabel].map(([label, values]) => ({ label, values: values.size }))
}

/** Asks for the pods of the whole window: at its end there may be none. A gateway's pods say nothing of the model's. */
async function findTargets(
  client: PrometheusClient,
  counters: readonly Counter[],
  modelLabel: string | undefined,
  { from, to }: Window,
): Promise<Discovery['targets']> {
  const targets: Discovery['targets'] = new Map()
  const stepSeconds = Math.ceil((to - from) / looks)
  for (const { preset, series } of counters) {
    const model = modelLabel ?? preset.modelLabel!
    if (preset.processes === 'gateways') continue
    const query = groupQuery(series, [model, 'namespace', 'pod', leaderWorkerSetLabel], stepSeconds)
    const pods = await client.queryRange(query, to - (looks - 1) * stepSeconds, to, stepSeconds)
    for (const [name, target] of guessTargets(pods.series, model))
      if (!targets.has(name)) targets.set(name, target)
  }
  return targets
}

/** What the pod of each model that was seen last belongs to. */
function guessTargets(series: readonly Series[], modelLabel: string): Map<string, DiscoveredTarget> {
  const pods = new Set(series.map(({ labels }) => labels['pod'] ?? ''))
  const targets = new Map<string, DiscoveredTarget>()
  const lastSeen = ({ times }: Series) => times.at(-1) ?? 0
  for (const { labels } of [...series].sort((a, b) => lastSeen(b) - lastSeen(a))) {
    const { namespace, pod = '', [modelLabel]: model, [leaderWorkerSetLabel]: group } = labels
    if (model === undefined || targets.has(model)) continue
    const owner = group ? { kind: 'LeaderWorkerSet' as const, name: group } : guessOwner(pod, pods)
    if (owner === undefined) continue
    targets.set(model, { ...owner, pod, ...(namespace !== undefined && { namespace }) })
  }
  return targets
}

/** The characters of a Deployment's digests. https://github.com/kubernetes/apimachinery/blob/master/pkg/util/rand/rand.go */
const digest = '[bcdfghjklmnpqrstvwxz2456789]'
const podOfDeployment = new RegExp(`^(.+)-${digest}{6,10}-${digest}{5}$`)

/**
 * Pods of a Deployment end in a digest of their template and a random part, those of a StatefulSet in a number. A
 * LeaderWorkerSet numbers its leaders, and after each leader its workers: where both are seen, it is one.
 */
function guessOwner(
  pod: string,
  pods: ReadonlySet<string>,
): Pick<DiscoveredTarget, 'kind' | 'name'> | undefined {
  const deployment = podOfDeployment.exec(pod)?.[1]
  if (deployment !== undefined) return { kind: 'Deployment', name: deployment }
  const [, before = ''] = /^(.+)-\d+$/.exec(pod) ?? []
  if (before === '') return undefined
  const isWorker = /-\d+$/.test(before) && pods.has(before)
  const isLeader = pods.has(`${pod}-1`)
  if (isWorker) return { kind: 'LeaderWorkerSet', name: before.replace(/-\d+$/, '') }
  return { kind: isLeader ? 'LeaderWorkerSet' : 'StatefulSet', name: before }
}
