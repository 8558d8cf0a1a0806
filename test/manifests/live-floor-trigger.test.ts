import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { HorizontalPodAutoscaler, ScaledObject } from '../../src/manifests/cluster-object.js'
import { createLiveFloorTrigger, liveFloorQuery } from '../../src/manifests/live-floor-trigger.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { reachedFloor } from '../../src/manifests/scaled-object.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'
import { prometheusFolder, prometheusNote } from '../prometheus-fixture.js'
import { testPromql } from '../promtool.js'
import { servingConfig } from './config-fixture.js'

const live = { quantile: 0.95, maximum: 1000 }
const workload = { model: 'chat-70b', region: 'us-east-1' }
const queryOf = (exact: boolean, maximum = live.maximum, of: Parameters<typeof labelsOf>[0] = workload) =>
  liveFloorQuery({ environment: 'prod', workload: of, live: { ...live, maximum }, exact })
/** A series as an exporter has it. */
const labelsOf = (
  labels: { model: string; region: string; tenant?: string },
  instance = 'a:9464',
  environment = 'prod',
) =>
  `llmscale_live_floor_replicas{${Object.entries({ environment, ...labels, instance })
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')}}`

const render = (decision: object, environment: object = {}, entry: object = {}) =>
  createManifests(
    capacityPlan({ workloads: [workloadDecision(decision)], pools: [] }).decision,
    'us-east-1',
    servingConfig(environment, entry),
  )[0]

describe('an autoscaler that follows the live floor', () => {
  it('is the one without it and one trigger more', () => {
    const [plain, following] = [render({}), render({ live })] as [ScaledObject, ScaledObject]
    const trigger = following.spec.triggers[1]
    expect(trigger).toEqual(
      createLiveFloorTrigger(
        { environment: 'prod', workload, live, exact: false },
        'http://prometheus.monitoring:9090',
      ),
    )
    following.spec.triggers.splice(1, 1)
    expect(following).toEqual(plain)
    expect(following.spec.fallback.behavior).toBe('currentReplicasIfHigher')
  })

  it('asks for the floor itself where the cluster heeds a tolerance of 0', () => {
    const { spec } = render({ live }, { clusters: { 'us-east-1': { version: '1.35' } } }) as ScaledObject
    expect(spec.triggers[1]!.metadata).toMatchObject({ query: queryOf(true) })
    expect(queryOf(true)).not.toContain('floor(')
  })

  it('reads it through an adapter where there is no KEDA', () => {
    for (const hpa of [{}, { preset: 'multi-metric' }]) {
      const following = render({ live }, { autoscaler: 'hpa' }, { hpa }) as HorizontalPodAutoscaler
      const metric = following.spec.metrics.pop()
      expect(following).toEqual(render({}, { autoscaler: 'hpa' }, { hpa }))
      expect(metric).toEqual({
        type: 'External',
        external: {
          metric: {
            name: 'llmscale_live_floor',
            selector: { matchLabels: { workload: 'chat-70b-4216a7' } },
          },
          target: { type: 'AverageValue', averageValue: '1' },
        },
      })
    }
  })
})

describe('docs/live.md', () => {
  it('has the query of today for a recording rule', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/live.md'), 'utf8')
    const rule = /^- record: llmscale_live_floor\n[\s\S]*?(?=^```)/m.exec(text)![0]
    const [{ expr }] = parse(rule) as [{ expr: string }]
    const plain = (query: string) => query.replaceAll(/\s/g, '')
    expect(plain(expr)).toBe(plain(queryOf(false, 40)))
  })
})

describe.skipIf(prometheusFolder === undefined)(`the query of a live floor${prometheusNote}`, () => {
  it('asks for what reachedFloor says of each floor', () => {
    const floors = Array.from({ length: 501 }, (_, floor) => floor)
    testPromql({
      series: [{ series: labelsOf(workload), values: '0+1x500' }],
      expect: [false, true].flatMap((exact) =>
        floors.map((floor) => ({
          query: queryOf(exact),
          minute: floor,
          value: floor === 0 ? 0 : reachedFloor(floor, exact),
        })),
      ),
    })
  })

  it('takes the highest of all exporters, and no other environment, region or tenant', () => {
    const of = (labels: object, instance?: string, environment?: string) =>
      labelsOf({ ...workload, ...labels }, instance, environment)
    testPromql({
      series: [
        { series: of({}), values: '3 3' },
        { series: of({}, 'b:9464'), values: '4 4' },
        { series: of({}, 'c:9464'), values: 'NaN NaN' },
        { series: of({ tenant: 'acme' }), values: '9 9' },
        { series: of({ region: 'eu-west-1' }), values: '8 8' },
        { series: of({}, 'a:9464', 'staging'), values: '7 7' },
      ],
      expect: [
        { query: queryOf(true), minute: 1, value: 4 },
        { query: queryOf(true, 1000, { ...workload, tenant: 'acme' }), minute: 1, value: 9 },
      ],
    })
  })

  it('stays below the maximum of the plan, whatever an exporter says', () => {
    testPromql({
      series: [{ series: labelsOf(workload), values: '5 1e9 +Inf' }],
      expect: [5, 12, 12].map((value, minute) => ({ query: queryOf(true, 12), minute, value })),
    })
  })

  it('holds the last floor for half an hour once all exporters are gone, then leaves it to the template', () => {
    testPromql({
      series: [
        { series: labelsOf(workload), values: '20 20 5 stale' },
        { series: labelsOf(workload, 'b:9464'), values: '20 6 NaN NaN stale' },
      ],
      expect: [
        { query: queryOf(true), minute: 2, value: 5 },
        { query: queryOf(true), minute: 10, value: 5 },
        { query: queryOf(true), minute: 31, value: 5 },
        { query: queryOf(true), minute: 33, value: 0 },
        { query: queryOf(false), minute: 33, value: 0 },
      ],
    })
  })

  it('is 0 before the first exporter runs', () => {
    testPromql({
      series: [{ series: 'up', values: '1' }],
      expect: [false, true].map((exact) => ({ query: queryOf(exact), minute: 0, value: 0 })),
    })
  })

  it('means exactly the labels, whatever stands in them', () => {
    const odd = { model: 'a"b\\c\n{d}', region: 'eu-west-1', tenant: 'x,y="z"' }
    testPromql({
      series: [{ series: labelsOf(odd), values: '7' }],
      expect: [{ query: queryOf(true, 1000, odd), minute: 0, value: 7 }],
    })
  })
})
