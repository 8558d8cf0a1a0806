/** A family of metrics, as it is exposed. */
export interface MetricFamily {
  /** Without the endings of its type, `_total` and `_info`. */
  name: string
  type: 'gauge' | 'counter' | 'info'
  /** The last part of its name, where it has a unit. */
  unit?: string
  help: string
  samples: Sample[]
}

export interface Sample {
  /** By name, in the order in which they are written. */
  labels: { readonly [name: string]: string }
  value: number
}

/** How metrics are written, by media type. */
export type Exposition = 'open-metrics' | 'text'

export const contentTypes: Record<Exposition, string> = {
  'open-metrics': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  text: 'text/plain; version=0.0.4; charset=utf-8',
}

const endings = { gauge: '', counter: '_total', info: '_info' } as const

/** What a scraper asks for: OpenMetrics where its Accept header names it and does not rank plain text above it. */
export function chooseExposition(accept: string | undefined): Exposition {
  const weigh = (type: string) => {
    const range = accept?.split(',').find((each) => each.trim().startsWith(type))
    if (range === undefined) return 0
    return Number(/;\s*q=([\d.]+)/.exec(range)?.[1] ?? 1)
  }
  const open = weigh('application/openmetrics-text')
  return open > 0 && open >= weigh('text/plain') ? 'open-metrics' : 'text'
}

/**
 * Families as text. prom-client has no UNIT, which OpenMetrics has beside TYPE and HELP, and takes several times as long
 * for as many samples. https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function formatExposition(families: readonly MetricFamily[], exposition: Exposition): string {
  const isOpen = exposition === 'open-metrics'
  const lines: string[] = []
  for (const { name, type, unit, help, samples } of families) {
    if (samples.length === 0) continue
    const full = name + endings[type]
    const head = isOpen ? name : full
    lines.push(`# HELP ${head} ${escapeHelp(help, isOpen)}`)
    lines.push(`# TYPE ${head} ${isOpen || type !== 'info' ? type : 'gauge'}`)
    if (isOpen && unit !== undefined) lines.push(`# UNIT ${head} ${unit}`)
    for (const { labels, value } of samples)
      lines.push(`${full}${formatLabels(labels)} ${formatValue(value)}`)
  }
  if (isOpen) lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

function formatLabels(labels: Sample['labels']): string {
  let text = ''
  for (const name in labels) text += `${text === '' ? '{' : ','}${name}="${escapeLabel(labels[name]!)}"`
  return text === '' ? '' : `${text}}`
}

const special = /[\\"\n]/

function escapeLabel(value: string): string {
  if (!special.test(value)) return value
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** OpenMetrics escapes quotes in HELP too. */
function escapeHelp(help: string, isOpen: boolean): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return isOpen ? escaped.replaceAll('"', '\\"') : escaped
}

function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
