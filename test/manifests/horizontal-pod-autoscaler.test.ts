import { describe, expect, it } from 'vitest'
import type { HorizontalPodAutoscaler, ScaledObject } from '../../src/manifests/cluster-object.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'
import { servingConfig } from './config-fixture.js'

const plan = capacityPlan({ pools: [] })
const autoscalerOf = (environment: object, workload: object = {}, decision = plan.decision) =>
  createManifests(decision, 'us-east-1', servingConfig(environment, workload))[0]
const hpaOf = (hpa: object = {}, decision = plan.decision) =>
  autoscalerOf({ autoscaler: 'hpa' }, { hpa }, decision) as HorizontalPodAutoscaler

describe('a HorizontalPodAutoscaler', () => {
  it('keeps the highest floor of the week under the hard maximum', () => {
    expect(hpaOf().spec).toMatchObject({ minReplicas: 21, maxReplicas: 40 })
    const low = workloadDecision({
      floors: { minReplicas: 0, windows: [], exceptions: [] },
      hardMaximum: 3,
    })
    // Below 1 needs a feature gate that is off.
    expect(hpaOf({}, capacityPlan({ workloads: [low] }).decision).spec.minReplicas).toBe(1)
  })

  it('reads the plan’s own trigger through an adapter, by names that can be set', () => {
    expect(hpaOf().spec.metrics).toEqual([
      {
        type: 'External',
        external: {
          metric: {
            name: 'llmscale_reactive_load',
            selector: { matchLabels: { workload: 'chat-70b-4216a7' } },
          },
          target: { type: 'AverageValue', averageValue: '48' },
        },
      },
    ])
    const [metric] = hpaOf({ reactive: { metric: 'load', labels: { model: 'chat' } } }).spec.metrics
    expect(metric).toMatchObject({
      external: { metric: { name: 'load', selector: { matchLabels: { model: 'chat' } } } },
    })
  })

  it('needs a trigger only where it reads it', () => {
    const { decision } = capacityPlan({ workloads: [workloadDecision({ trigger: null })] })
    expect(() => hpaOf({}, decision)).toThrow(/has no reactive trigger/)
    expect(hpaOf({ preset: 'multi-metric' }, decision).spec.metrics).toHaveLength(5)
  })

  it('takes each value of the usual five from the configuration', () => {
    const { metrics } = hpaOf({
      preset: 'multi-metric',
      cpu: '60%',
      queue: { metric: 'waiting', perPod: 2.5 },
      latency: { metric: 'e2e_p95', seconds: 0.4 },
    }).spec
    expect(metrics.map(({ type }) => type)).toEqual(['Resource', 'Resource', 'Pods', 'Pods', 'External'])
    expect(metrics[0]).toMatchObject({ resource: { target: { averageUtilization: 60 } } })
    expect(metrics[2]).toMatchObject({
      pods: { metric: { name: 'waiting' }, target: { averageValue: '2500m' } },
    })
    expect(metrics[4]).toMatchObject({
      external: { metric: { name: 'e2e_p95' }, target: { type: 'Value', value: '400m' } },
    })
  })
})

describe('the tolerance of an autoscaler', () => {
  const on = (version: string) => autoscalerOf({ clusters: { 'us-east-1': { version } } }) as ScaledObject
  const upOf = ({ spec }: ScaledObject) => spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp
  const floorsOf = ({ spec }: ScaledObject) =>
    spec.triggers.flatMap(({ metadata }) => ('desiredReplicas' in metadata ? [metadata.desiredReplicas] : []))

  it('is none where the cluster heeds the field, and floors are then exact', () => {
    expect(upOf(on('1.35')).tolerance).toBe('0')
    expect(floorsOf(on('1.35'))).toEqual(['21', '6', '6'])
  })

  it('is made up for by a surplus where the cluster may drop the field', () => {
    expect(upOf(on('1.34')).tolerance).toBeUndefined()
    expect(floorsOf(on('1.34'))).toEqual(['23', '6', '6'])
  })
})
