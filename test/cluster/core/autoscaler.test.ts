import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HorizontalPodAutoscaler } from '../../../src/manifests/cluster-object.js'
import { createManifests } from '../../../src/manifests/manifests.js'
import { servingConfig } from '../../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../../plan-fixture.js'
import { useCluster } from '../cluster-fixture.js'
import { eventually } from '../eventually.js'
import { fakeNode } from '../fake-node.js'
import { type MetricsAdapter, startMetricsAdapter } from '../metrics-adapter.js'
import { servingDeployment } from '../serving-deployment.js'
import { missingNote } from '../tiers.js'

const note = missingNote('core')
const target = { name: 'chat-70b', namespace: 'serving' }
const loadPerReplica = 48
const maximum = 12

/** The HPA of a plan with this floor at all hours. */
function renderAutoscaler(minReplicas: number): HorizontalPodAutoscaler {
  const workload = workloadDecision({
    hardMaximum: maximum,
    floors: { minReplicas, windows: [], exceptions: [] },
  })
  const { decision } = capacityPlan({ workloads: [workload] })
  const objects = createManifests(decision, 'us-east-1', servingConfig({ autoscaler: 'hpa' }))
  const autoscaler = objects.find((object) => object.kind === 'HorizontalPodAutoscaler')
  expect(autoscaler!.spec).toMatchObject({ minReplicas, maxReplicas: maximum })
  return autoscaler!
}

/** The same with nothing that slows it on its way in, which takes minutes as rendered. */
function withFastScaleIn(autoscaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const copy = structuredClone(autoscaler)
  copy.spec.behavior.scaleDown = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  }
  return copy
}

describe.skipIf(note !== undefined)(`the real autoscaler within our bounds${note ?? ''}`, () => {
  const cluster = useCluster()
  let adapter: MetricsAdapter
  const metric = 'llmscale_reactive_load'

  const replicasReady = (count: number) =>
    eventually(`${count} replicas`, async () => {
      const { spec, status } = await cluster.current.apps.readNamespacedDeployment(target)
      return (spec?.replicas === count && status?.readyReplicas === count) || undefined
    })

  beforeAll(async () => {
    adapter = await startMetricsAdapter(cluster.current.plane)
    adapter.values.set(metric, 0)
    const nodes = Array.from({ length: 8 }, (_, at) => fakeNode(`gpu-${at}`, { gpus: 8 }))
    await cluster.current.applyAll([
      ...nodes,
      servingDeployment('chat-70b', { gpus: 4 }),
      renderAutoscaler(2),
    ])
  })
  afterAll(() => adapter?.stop())

  it('lifts replicas to the floor without any load', async () => {
    await replicasReady(2)
  })

  it('follows the metric between floor and maximum', async () => {
    adapter.values.set(metric, 7 * loadPerReplica)
    await replicasReady(7)
  })

  it('stops at the maximum, whatever the load', async () => {
    adapter.values.set(metric, 1000 * loadPerReplica)
    await replicasReady(maximum)
    await eventually('the autoscaler says that it is limited', async () => {
      const condition = await conditionOf('ScalingLimited')
      return (condition?.status === 'True' && condition.reason === 'TooManyReplicas') || undefined
    })
  })

  it('leaves replicas alone when the same plan is applied again', async () => {
    await cluster.current.apply(renderAutoscaler(2))
    await cluster.current.apply(servingDeployment('chat-70b', { gpus: 4 }))
    await replicasReady(maximum)
    const { metadata } = await cluster.current.apps.readNamespacedDeployment(target)
    const ours = metadata?.managedFields?.filter(
      ({ manager, subresource }) => manager === 'llmscale' && !subresource,
    )
    expect(ours).toHaveLength(1)
    expect(ours![0]!.fieldsV1).toHaveProperty(['f:spec', 'f:template'])
    expect(ours![0]!.fieldsV1).not.toHaveProperty(['f:spec', 'f:replicas'])
  })

  it('holds replicas when the metric is gone, and says so', async () => {
    adapter.values.delete(metric)
    await eventually('the autoscaler says that it has no metric', async () => {
      const condition = await conditionOf('ScalingActive')
      return (condition?.status === 'False' && condition.reason === 'FailedGetExternalMetric') || undefined
    })
    await replicasReady(maximum)
  })

  it('does not scale in at once when load falls', async () => {
    adapter.values.set(metric, 0)
    await eventually('the autoscaler waits', async () => {
      const condition = await conditionOf('AbleToScale')
      return condition?.reason === 'ScaleDownStabilized' || undefined
    })
    await replicasReady(maximum)
  })

  it('scales in to the floor and not below', async () => {
    await cluster.current.apply(withFastScaleIn(renderAutoscaler(3)))
    await replicasReady(3)
  })

  async function conditionOf(type: string) {
    const { status } = await cluster.current.read<HpaStatus>(renderAutoscaler(2))
    return status.conditions.find((condition) => condition.type === type)
  }
})

interface HpaStatus {
  status: { conditions: { type: string; status: string; reason: string }[] }
}
