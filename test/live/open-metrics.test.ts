import { describe, expect, it } from 'vitest'
import { chooseExposition, formatExposition, type MetricFamily } from '../../src/live/open-metrics.js'

const families: MetricFamily[] = [
  {
    name: 'x_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'A "time"\nof \\ two lines.',
    samples: [
      { labels: { model: 'a"b\\c\nd', region: 'ä' }, value: 1.5 },
      { labels: {}, value: Number.POSITIVE_INFINITY },
    ],
  },
  { name: 'x_runs', type: 'counter', help: 'Runs.', samples: [{ labels: {}, value: 3 }] },
  { name: 'x_plan', type: 'info', help: 'Plan.', samples: [{ labels: { id: 'p' }, value: 1 }] },
  { name: 'x_nothing', type: 'gauge', help: 'Unknown.', samples: [] },
]

describe('expositions', () => {
  it('OpenMetrics: units, families without the endings of samples, an end', () => {
    expect(formatExposition(families, 'open-metrics')).toBe(
      [
        '# HELP x_seconds A \\"time\\"\\nof \\\\ two lines.',
        '# TYPE x_seconds gauge',
        '# UNIT x_seconds seconds',
        'x_seconds{model="a\\"b\\\\c\\nd",region="ä"} 1.5',
        'x_seconds +Inf',
        '# HELP x_runs Runs.',
        '# TYPE x_runs counter',
        'x_runs_total 3',
        '# HELP x_plan Plan.',
        '# TYPE x_plan info',
        'x_plan_info{id="p"} 1',
        '# EOF',
        '',
      ].join('\n'),
    )
  })

  it('plain text: families named as their samples', () => {
    const text = formatExposition(families, 'text')
    expect(text).toContain('# TYPE x_runs_total counter\nx_runs_total 3\n')
    expect(text).toContain('# TYPE x_plan_info gauge\n')
    expect(text).toContain('# HELP x_seconds A "time"\\nof')
    expect(text).not.toMatch(/UNIT|EOF/)
  })

  it.each([
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    // What Prometheus sends.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'open-metrics',
    ],
    ['application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.9', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
  ] as const)('Accept %s: %s', (accept, exposition) => {
    expect(chooseExposition(accept)).toBe(exposition)
  })
})
