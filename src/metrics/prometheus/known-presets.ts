import { type PresetName, presetNames } from '../../config/schema.js'
import { LlmscaleError } from '../../kit/errors.js'
import { nearestName } from '../../kit/names.js'
import { formatInstant } from '../../kit/time.js'
import type { EpochSeconds } from '../../kit/units.js'
import type { Preset } from './preset.js'
import { presets } from './presets.js'
import type { PrometheusClient } from './prometheus-client.js'
import type { PrometheusSettings } from './prometheus-settings.js'
import { checkMatchers, quoteLabelValue, selector } from './promql.js'

export interface Window {
  from: EpochSeconds
  to: EpochSeconds
}

/** A preset, and which metrics of its kind a server has. */
export interface KnownPreset {
  name: PresetName
  preset: Preset
  available: ReadonlySet<string>
}

/** The metric that counts requests, under its newest name that a server has. */
export interface CountedMetric {
  preset: Preset
  metric: string
  /** Those of the settings and of the metric's name. */
  matchers: string[]
  /** The selector of its series. */
  series: string
}

/** Matchers of the settings as a list; throws `configInvalid`, MATCHERS_INVALID. */
export function matchersOf({ matchers }: PrometheusSettings): string[] {
  if (matchers === undefined) return []
  checkMatchers(matchers, 'matchers of prometheus: in llmscale.yaml')
  return [matchers]
}

/** What a server has of the settings' presets, in their order. */
export async function findPresets(
  client: PrometheusClient,
  settings: PrometheusSettings,
  { from, to }: Window,
): Promise<KnownPreset[]> {
  const matchers = matchersOf(settings)
  const known: KnownPreset[] = []
  for (const name of settings.presets) {
    const preset = presets[name]
    const series = selector('', [`__name__=~${quoteLabelValue(preset.metricNames)}`, ...matchers])
    known.push({ name, preset, available: new Set(await client.labelValues('__name__', series, from, to)) })
  }
  return known
}

/** What counts requests in the first preset of which a server has that; undefined where none has. */
export function findCounted(
  known: readonly KnownPreset[],
  matchers: readonly string[],
): CountedMetric | undefined {
  for (const { preset, available } of known) {
    const name = preset.counters.requests?.find(({ metric }) => available.has(metric))
    if (name === undefined) continue
    const all = name.matchers === undefined ? [...matchers] : [...matchers, name.matchers]
    return { preset, metric: name.metric, matchers: all, series: selector(name.metric, all) }
  }
  return undefined
}

/** The error of a server on which nothing counts requests: names what is near, and presets that would fit. */
export async function missingMetric(
  client: PrometheusClient,
  settings: PrometheusSettings,
  { from, to }: Window,
): Promise<LlmscaleError> {
  const wanted = settings.presets.flatMap((name) => presets[name].counters.requests?.[0].metric ?? [])
  const all = await client.labelValues(
    '__name__',
    selector('', ['__name__=~".+"', ...matchersOf(settings)]),
    from,
    to,
  )
  const near = [...new Set(wanted.flatMap((name) => nearestName(name, all) ?? []))]
  const others = presetNames.filter((name) =>
    presets[name].counters.requests?.some(({ metric }) => all.includes(metric)),
  )
  const names = wanted.length === 0 ? '' : ` (${wanted.join(', ')})`
  const where = settings.matchers === undefined ? '' : ` where ${settings.matchers}`
  const nearest = near.length === 0 ? '' : `, the nearest is ${near.join(', ')}`
  return new LlmscaleError(
    'badData',
    'METRIC_MISSING',
    `${client.name} has no metric that counts requests${names}${where} from ${formatInstant(from)} to ${formatInstant(to)}; it has ${all.length} others${nearest}`,
    [
      ...(others.length > 0 ? [`Its metrics are those of presets: [${others.join(', ')}].`] : []),
      'Give queries: {requests: …} of prometheus: in llmscale.yaml, or correct presets and matchers.',
      'llmscale metrics discover lists what is there.',
    ],
  )
}
