import { KubeConfig, KubernetesObjectApi, PatchStrategy } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { checkCluster } from '../../../src/delivery/cluster-check.js'
import type { HorizontalPodAutoscaler, ScaledObject } from '../../../src/manifests/cluster-object.js'
import { createManifests } from '../../../src/manifests/manifests.js'
import {
  type CapacityPlan,
  type FloorTemplate,
  type FloorWindow,
  weekdays,
} from '../../../src/planning/capacity-plan.js'
import { createFloorTemplate } from '../../../src/planning/floor-template.js'
import { slotsPerDay } from '../../../src/planning/week.js'
import { servingConfig } from '../../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../../plan-fixture.js'
import { type ObjectReference, refusal } from '../cluster-client.js'
import { useCluster } from '../cluster-fixture.js'
import { eventually } from '../eventually.js'
import { fakeNode } from '../fake-node.js'
import { servingDeployment } from '../serving-deployment.js'
import { missingNote } from '../tiers.js'
import { startKeda } from './keda.js'
import { type PrometheusStandIn, startPrometheusStandIn } from './prometheus-stand-in.js'
import { type ReplicaRecord, recordReplicas } from './replica-record.js'
import { slowNode, startSlowNodes } from './slow-node.js'

const note = missingNote('core', 'keda')
const namespace = 'serving'
const loadPerReplica = 48
const gpus = 4
const loadOf = (name: string) => `sum(load{model="${name}"})`

/** Seconds that stand for the minutes which weights take: cron knows no time shorter than a minute to lead by. */
const coldStartSeconds = 45

/** Minutes that the planner starts a window before its demand, for this cold start. */
const leadMinutes = plannedLeadMinutes()

function plannedLeadMinutes(): number {
  const levels = new Int16Array(slotsPerDay).fill(1)
  levels.fill(4, 40, 60)
  const days = [[0, 1, 2, 3, 4, 5, 6]]
  const [window] = createFloorTemplate({ days, levels, usd: 0 }, coldStartSeconds).windows
  const [hours, minutes] = window!.from.split(':').map(Number) as [number, number]
  return 10 * 60 - (hours * 60 + minutes)
}

const clock = (instant: number) => new Date(instant * 1000).toISOString().slice(11, 16)
const windowOf = (from: number, until: number, replicas: number): FloorWindow => ({
  days: [...weekdays],
  from: clock(from),
  to: clock(until),
  replicas,
})

describe.skipIf(note !== undefined)(`the real KEDA with what we render${note ?? ''}`, () => {
  const cluster = useCluster()
  let prometheus: PrometheusStandIn
  /** Unix seconds of a full minute, once all is set up. */
  let firstMinute: number
  let demandStart: number
  const records = new Map<string, ReplicaRecord>()

  /** A plan that expired long ago: what runs must not know. */
  function expiredPlan(name: string, floors: Partial<FloorTemplate>): CapacityPlan {
    const workload = workloadDecision({
      model: name,
      timeZone: 'UTC',
      hardMaximum: 12,
      floors: { minReplicas: 1, windows: [], exceptions: [], ...floors },
      trigger: { serverAddress: prometheus.url, query: loadOf(name), thresholdPerReplica: loadPerReplica },
      coldStartSeconds,
    })
    return capacityPlan(
      { workloads: [workload], pools: [] },
      { origin: '2026-01-01T00:00:00Z', validUntil: '2026-01-08T00:00:00Z' },
    )
  }

  function renderAutoscaler(name: string, floors: Partial<FloorTemplate>): ScaledObject {
    const { header, decision } = expiredPlan(name, floors)
    expect(Date.parse(header.validUntil)).toBeLessThan(Date.now())
    const objects = createManifests(decision, 'us-east-1', servingConfig())
    return objects.find((object) => object.kind === 'ScaledObject')!
  }

  /** The same with nothing that slows it on its way in, which takes minutes as rendered. */
  function withFastScaleIn(scaledObject: ScaledObject): ScaledObject {
    const copy = structuredClone(scaledObject)
    copy.spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown = {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    }
    return copy
  }

  /** A team's Deployment on nodes of one pace. */
  function deploymentOn(pace: 'fast' | 'slow', name: string) {
    const deployment = servingDeployment(name, { gpus, namespace })
    Object.assign(deployment.spec.template.spec, { nodeSelector: { pace } })
    return deployment
  }

  const record = (name: string) =>
    records.set(name, recordReplicas(cluster.current, { name, namespace })).get(name)!

  const replicasReady = (name: string, count: number) =>
    eventually(`${count} replicas of ${name}`, async () => {
      const { spec, status } = await cluster.current.apps.readNamespacedDeployment({ name, namespace })
      return (spec?.replicas === count && status?.readyReplicas === count) || undefined
    })

  beforeAll(async () => {
    const { plane, applyAll } = cluster.current
    prometheus = await startPrometheusStandIn()
    startSlowNodes(plane, { coldStartSeconds })
    await applyAll([
      fakeNode('fast-1', { gpus: 100, labels: { pace: 'fast' } }),
      slowNode('slow-1', { gpus: 100, labels: { pace: 'slow' } }),
    ])
    await startKeda(plane)
    // Far enough for the objects to be taken before it.
    firstMinute = Math.ceil(Date.now() / 1000 / 60 + 0.3) * 60
    demandStart = firstMinute + leadMinutes * 60
    const later = demandStart + 7200
    await applyAll([
      deploymentOn('slow', 'with-lead'),
      deploymentOn('slow', 'without-lead'),
      deploymentOn('fast', 'abandoned'),
      renderAutoscaler('with-lead', { windows: [windowOf(demandStart - leadMinutes * 60, later, 4)] }),
      renderAutoscaler('without-lead', { windows: [windowOf(demandStart, later, 4)] }),
      withFastScaleIn(
        renderAutoscaler('abandoned', {
          minReplicas: 2,
          windows: [windowOf(firstMinute - 1800, firstMinute, 5), windowOf(firstMinute + 60, later, 5)],
        }),
      ),
    ])
    for (const name of ['with-lead', 'without-lead', 'abandoned']) record(name)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })
  afterAll(async () => {
    for (const { stop } of records.values()) await stop()
    await prometheus?.kill()
  })

  describe('a second autoscaler of one target', () => {
    const hpa = (): HorizontalPodAutoscaler => {
      const { decision } = expiredPlan('owned', {})
      const objects = createManifests(decision, 'us-east-1', servingConfig({ autoscaler: 'hpa' }))
      const object = objects.find((object) => object.kind === 'HorizontalPodAutoscaler')!
      return { ...object, metadata: { ...object.metadata, name: 'theirs' } }
    }
    const scaledObject = (name: string): ScaledObject => {
      const object = renderAutoscaler('owned', {})
      return { ...object, metadata: { ...object.metadata, name } }
    }

    /** Applies as somebody else would. */
    const applyAs = (fieldManager: string, object: object) => {
      const config = new KubeConfig()
      config.loadFromFile(cluster.current.plane.kubeconfig)
      return KubernetesObjectApi.makeApiClient(config).patch(
        object as ObjectReference,
        undefined,
        undefined,
        fieldManager,
        true,
        PatchStrategy.ServerSideApply,
      )
    }

    it('is refused by the webhook, and by our check before it', async () => {
      const { applyAll, apply, remove, plane } = cluster.current
      vi.stubEnv('KUBECONFIG', plane.kubeconfig)
      const check = async () => (await checkCluster({ objects: [scaledObject('ours')] }))[0]
      await applyAll([deploymentOn('fast', 'owned')])
      expect(await check()).toMatchObject({ state: 'passed' })
      await applyAs('helm', hpa())
      expect(await check()).toMatchObject({ state: 'refused', code: 'TARGET_OWNED' })
      expect((await refusal(apply(scaledObject('ours')))).message).toMatch(
        /admission webhook "vscaledobject.kb.io" denied .* already managed by the hpa 'theirs'/,
      )
      await remove(hpa())
      await eventually('the target is free', () => applyAs('helm', scaledObject('theirs-too')))
      await eventually('the check sees it', async () => (await check())?.code === 'TARGET_OWNED' || undefined)
      await eventually('the webhook sees it', async () => {
        const { message } = await refusal(apply(scaledObject('ours')))
        return /denied .* already managed by the ScaledObject 'theirs-too'/.test(message) || undefined
      })
    })
  })

  describe('when Prometheus dies', () => {
    const render = () => withFastScaleIn(renderAutoscaler('chat', { minReplicas: 2 }))
    const isFallback = async () => {
      const { status } = await cluster.current.read<ScaledObjectStatus>(render())
      return status?.conditions?.find(({ type }) => type === 'Fallback')?.status === 'True'
    }

    it('replicas stay where load had brought them, and follow it again when it is back', async () => {
      await cluster.current.applyAll([deploymentOn('fast', 'chat'), render()])
      prometheus.values.set(loadOf('chat'), 7 * loadPerReplica)
      await replicasReady('chat', 7)
      await prometheus.kill()
      await eventually('fallback', async () => (await isFallback()) || undefined)
      const { samples } = record('chat')
      await new Promise((resolve) => setTimeout(resolve, 15_000))
      expect(samples.length).toBeGreaterThan(10)
      expect(new Set(samples.map(({ replicas }) => replicas))).toEqual(new Set([7]))
      prometheus.values.set(loadOf('chat'), 3 * loadPerReplica)
      await prometheus.revive()
      await replicasReady('chat', 3)
      await eventually('no fallback', async () => !(await isFallback()) || undefined)
    })
  })

  it('floors are up before the demand with the lead of the plan, and late without', async () => {
    const lateness = async (name: string) => {
      const readyAt = await eventually(`floor of ${name}`, async () => records.get(name)!.readyAt(4), 200)
      return readyAt - demandStart
    }
    const withLead = await lateness('with-lead')
    const withoutLead = await lateness('without-lead')
    console.log(
      `Cold start ${coldStartSeconds} s (seconds play minutes), lead ${leadMinutes} min: ready ` +
        `${(-withLead).toFixed(1)} s before the demand with it, ${withoutLead.toFixed(1)} s after without it.`,
    )
    expect(withLead).toBeLessThan(0)
    expect(withoutLead).toBeGreaterThan(coldStartSeconds * 0.8)
    // Wide: how soon KEDA, autoscaler and a busy machine are.
    expect(withoutLead - withLead).toBeGreaterThan(leadMinutes * 60 * 0.5)
  }, 300_000)

  it('a window ends at the minimum and not below, the next one comes, and nobody of us is there', async () => {
    const { samples } = records.get('abandoned')!
    await eventually('the next window', async () =>
      samples.find(({ at, ready }) => at > firstMinute + 60 && ready === 5),
    )
    expect(samples.find(({ at, ready }) => at < firstMinute && ready === 5)).toBeDefined()
    const lifted = samples.slice(samples.findIndex(({ ready }) => ready === 5))
    expect(Math.min(...lifted.map(({ replicas }) => replicas))).toBe(2)
    expect(Math.min(...lifted.map(({ ready }) => ready))).toBeGreaterThanOrEqual(2)
    const fallen = lifted.find(({ replicas }) => replicas === 2)!
    expect(fallen.at).toBeGreaterThanOrEqual(firstMinute)
    const back = lifted.find(({ at, ready }) => at > fallen.at && ready === 5)!
    expect(back.at).toBeGreaterThanOrEqual(firstMinute + 60)
    console.log(
      `The floor fell ${(fallen.at - firstMinute).toFixed(1)} s after its window, and the next was up after ` +
        `${(back.at - firstMinute - 60).toFixed(1)} s.`,
    )
  })
})

interface ScaledObjectStatus {
  status?: { conditions?: { type: string; status: string }[] }
}
