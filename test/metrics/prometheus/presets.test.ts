import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { presetNames } from '../../../src/config/schema.js'
import type { MetricNames, Preset } from '../../../src/metrics/prometheus/preset.js'
import { presets } from '../../../src/metrics/prometheus/presets.js'
import { checkMatchers, type QueryKind, signalQuery } from '../../../src/metrics/prometheus/promql.js'
import { prometheusFolder, prometheusNote } from '../../prometheus-fixture.js'
import { emptyFolder } from '../../run-cli.js'

interface Named {
  signal: string
  kind: QueryKind
  names: MetricNames | readonly MetricNames[]
}

function signalsOf({ counters, gauges, histograms }: Preset): Named[] {
  const list = (kind: QueryKind, of: Record<string, Named['names']>): Named[] =>
    Object.entries(of).map(([signal, names]) => ({ signal, kind, names }))
  return [...list('counter', counters), ...list('gauge', gauges), ...list('histogram', histograms)]
}

function metricsOf(preset: Preset) {
  return signalsOf(preset).flatMap(({ kind, names }) =>
    [names]
      .flat(2)
      .map((name) => ({ ...name, metric: kind === 'histogram' ? `${name.metric}_bucket` : name.metric })),
  )
}

describe.each(presetNames)('the preset %s', (name) => {
  const preset = presets[name]
  const metrics = metricsOf(preset)

  it('knows requests, what is in flight and what waits', () => {
    expect(preset.counters.requests).toBeDefined()
    expect(preset.gauges.inFlightRequests).toBeDefined()
    expect(preset.gauges.queuedRequests).toBeDefined()
  })

  it('finds all its metrics by the pattern of their names, and none twice in a signal', () => {
    const pattern = new RegExp(`^(?:${preset.metricNames})$`)
    for (const { metric } of metrics) expect(metric).toMatch(pattern)
    for (const { names } of signalsOf(preset)) {
      const listed = [names].flat(2).map(({ metric }) => metric)
      expect(new Set(listed).size).toBe(listed.length)
    }
  })

  it('finds none of another preset’s', () => {
    const pattern = new RegExp(`^(?:${preset.metricNames})$`)
    for (const other of presetNames.filter((each) => each !== name))
      for (const { metric } of metricsOf(presets[other])) expect(metric).not.toMatch(pattern)
  })

  it('has matchers that a user could write, too', () => {
    for (const { matchers } of metrics)
      if (matchers !== undefined) expect(() => checkMatchers(matchers, name)).not.toThrow()
  })
})

describe.skipIf(prometheusFolder === undefined)(`queries of all presets${prometheusNote}`, () => {
  it('are PromQL, with all names, or only the newest, or only the oldest', () => {
    const rules = presetNames.flatMap((name) => {
      const preset = presets[name]
      const groupBy = preset.modelLabel === undefined ? [] : [preset.modelLabel]
      return signalsOf(preset).flatMap(({ signal, kind, names }) => {
        const all = [names].flat(2).map(({ metric }) => (kind === 'histogram' ? `${metric}_bucket` : metric))
        return [all, all.slice(0, 1), all.slice(-1)].map((metrics, at) => ({
          record: `${name.replace('-', '_')}:${signal}:${at}`,
          expr: signalQuery(names, kind, {
            groupBy: [...groupBy, 'region'],
            stepSeconds: 300,
            matchers: ['namespace="llm",cluster!~"test-.*",'],
            available: new Set(metrics),
          }),
        }))
      })
    })
    const file = join(emptyFolder(), 'rules.json')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'presets', rules }] })) // JSON is YAML
    const { status, stdout, stderr } = spawnSync(
      join(prometheusFolder!, 'promtool'),
      ['check', 'rules', '--lint=none', file],
      { encoding: 'utf8' },
    )
    expect(stderr).toBe('')
    expect(stdout).toContain(`${rules.length} rules found`)
    expect(status).toBe(0)
  })
})
