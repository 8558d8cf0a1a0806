import { LlmscaleError } from '../../kit/errors.js'
import type { MetricName, MetricNames } from './preset.js'

/** What each query of a signal shares. */
export interface QueryOptions {
  /** Labels that tell workloads apart. */
  groupBy: readonly string[]
  stepSeconds: number
  /** Added to each selector, as texts such as `namespace="llm"`. */
  matchers: readonly string[]
  /** Metric names that the server has; others are not asked for. */
  available: ReadonlySet<string>
}

export type QueryKind = 'counter' | 'gauge' | 'histogram'

/**
 * Labels that tell one scraped process from another. Those that a server does not have do no harm: a missing label
 * is an empty one.
 */
const processLabels = ['cluster', 'namespace', 'instance', 'pod']

const metricPattern = /^(?:[a-zA-Z_:][a-zA-Z0-9_:]*)?$/
const labelPattern = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const stringPattern = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/.source
const matcherPattern = `[a-zA-Z_][a-zA-Z0-9_]*\\s*(?:=~|!~|!=|=)\\s*(?:${stringPattern})`
const matchersPattern = new RegExp(`^\\s*${matcherPattern}(?:\\s*,\\s*${matcherPattern})*\\s*,?\\s*$`)

/**
 * The query of a signal by group at the end of each step: what a counter or a histogram grew by in the step, the
 * value of a gauge. Undefined where the server has none of the names. Throws LlmscaleError configInvalid
 * LABEL_INVALID.
 */
export function signalQuery(
  names: MetricNames | readonly MetricNames[],
  kind: QueryKind,
  options: QueryOptions,
): string | undefined {
  const terms = (isSum(names) ? names : [names]).flatMap((term) => termQuery(term, kind, options) ?? [])
  if (terms.length < 2) return terms[0]
  // A plus would lose the groups that only one of the terms has, and `or` those that both have: a label keeps the
  // terms apart until they are added.
  const apart = terms.map((term, at) => `label_replace(${term}, "term", "${at}", "", "")`)
  return `sum ${by(options.groupBy)} (${apart.join(' or ')})`
}

function isSum(names: MetricNames | readonly MetricNames[]): names is readonly MetricNames[] {
  return Array.isArray(names[0])
}

/**
 * A process may expose a metric under its old name, its new name or both, and a fleet may be half upgraded. So the
 * names are joined process by process, the newest first, and never added. What is lost is the old name's part of
 * the step in which a process changes names without a new address.
 */
function termQuery(names: MetricNames, kind: QueryKind, options: QueryOptions): string | undefined {
  const { stepSeconds, matchers, available } = options
  const suffix = kind === 'histogram' ? '_bucket' : ''
  const groupBy = kind === 'histogram' ? [...options.groupBy, 'le'] : options.groupBy
  const vectors = names
    .filter(({ metric }) => available.has(metric + suffix))
    .map((name) => {
      const series = selector(name.metric + suffix, [...ownMatchers(name), ...matchers])
      return kind === 'gauge' ? series : `increase(${series}[${stepSeconds}s])`
    })
  if (vectors.length < 2) return vectors[0] && `sum ${by(groupBy)} (${vectors[0]})`
  const byProcess = vectors.map((vector) => `sum ${by([...groupBy, ...processLabels])} (${vector})`)
  return `sum ${by(groupBy)} (${byProcess.join(' or ')})`
}

function ownMatchers({ matchers }: MetricName): string[] {
  return matchers === undefined ? [] : [matchers]
}

/**
 * How often the best-covered process of a group was scraped in a step: fewer samples than usual tell a step of which
 * a part is missing from one with little load.
 */
export function samplesQuery(
  metric: string,
  { groupBy, stepSeconds, matchers }: Omit<QueryOptions, 'available'>,
): string {
  return `max ${by(groupBy)} (count_over_time(${selector(metric, matchers)}[${stepSeconds}s]))`
}

/** Processes that report a metric at the end of each step, by group: replicas that serve. */
export function readyQuery(
  metric: string,
  { groupBy, matchers }: Pick<QueryOptions, 'groupBy' | 'matchers'>,
): string {
  const processes = `count ${by([...groupBy, ...processLabels])} (${selector(metric, matchers)})`
  return `count ${by(groupBy)} (${processes})`
}

/** How many series a selector or an expression has. */
export function countSeriesQuery(query: string): string {
  return `count(${query})`
}

/** A user's own query with its step; nothing else of it is touched. */
export function fillStep(query: string, stepSeconds: number): string {
  return query.replaceAll('{step}', `${stepSeconds}s`)
}

/** The series of a metric, or of any where it is empty, that match all texts, each one or more matchers. */
export function selector(metric: string, matchers: readonly string[]): string {
  const isPlain = metric === '' || metricPattern.test(metric)
  const all = isPlain ? matchers : [`__name__=${quoteLabelValue(metric)}`, ...matchers]
  const inBraces = all.map((text) => text.trim().replace(/,$/, '')).join(',')
  return `${isPlain ? metric : ''}${inBraces === '' ? '' : `{${inBraces}}`}`
}

/**
 * A string of PromQL that means exactly this text, whatever stands in it. The escapes of JSON are a part of Go's; the
 * replacement character, which Go takes for a fault when it stands there itself, is escaped too.
 * https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals
 */
export function quoteLabelValue(text: string): string {
  return JSON.stringify(text).replaceAll('\ufffd', '\\ufffd')
}

/**
 * Sees that a user's matchers are nothing but matchers, so that they can be put between braces. Throws
 * LlmscaleError configInvalid MATCHERS_INVALID; `field` is how the message calls them.
 */
export function checkMatchers(text: string, field: string): void {
  if (matchersPattern.test(text)) return
  throw new LlmscaleError(
    'configInvalid',
    'MATCHERS_INVALID',
    `${field}: ${JSON.stringify(text)} is not a list of label matchers`,
    ['Write label="value", label!="value", label=~"pattern" or label!~"pattern", separated by commas.'],
  )
}

/** Throws LlmscaleError configInvalid LABEL_INVALID where a label's name is none that PromQL can group by. */
function by(labels: readonly string[]): string {
  const invalid = labels.find((label) => !labelPattern.test(label))
  if (invalid !== undefined) {
    throw new LlmscaleError(
      'configInvalid',
      'LABEL_INVALID',
      `${JSON.stringify(invalid)} is not the name of a Prometheus label`,
      ['A label’s name has letters, digits and underscores, and does not begin with a digit.'],
    )
  }
  return `by (${[...new Set(labels)].join(', ')})`
}

/**
 * Which values of some labels the series of a selector had in the last `windowSeconds`. Throws LlmscaleError
 * configInvalid LABEL_INVALID.
 */
export function groupQuery(series: string, labels: readonly string[], windowSeconds: number): string {
  return `group ${by(labels)} (last_over_time(${series}[${windowSeconds}s]))`
}
