import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import type { ScaledObject } from '../../src/manifests/cluster-object.js'
import { formatManifest } from '../../src/manifests/manifest-file.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { reachedFloor } from '../../src/manifests/scaled-object.js'
import type { ScaleTarget } from '../../src/planning/capacity-plan.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { chatTarget, servingConfig } from './config-fixture.js'

const config = servingConfig()
/** A cluster whose autoscaler heeds a tolerance of 0, with node groups instead of Karpenter. */
const exactConfig = servingConfig({
  regions: ['us-east-1'],
  clusters: {
    'us-east-1': {
      version: '1.35',
      name: 'serving',
      nodeRole: 'arn:aws:iam::111122223333:role/gpu-nodes',
      subnets: ['subnet-a'],
      zones: ['us-east-1a'],
    },
  },
  nodes: { manager: 'managed-node-groups' },
})
/** A cluster without KEDA, whose nodes llmscale describes, and budgets and priorities for pods. */
const hpaConfig = servingConfig(
  {
    regions: ['us-east-1'],
    autoscaler: 'hpa',
    clusters: {
      'us-east-1': {
        version: '1.35',
        name: 'serving',
        nodeRole: 'arn:aws:iam::111122223333:role/eks/gpu-nodes',
        subnets: ['subnet-a', 'subnet-b'],
        zones: ['us-east-1a', 'us-east-1b'],
      },
    },
    nodes: { amiAlias: 'al2023@v20260901' },
    tags: { team: 'serving' },
  },
  {
    priority: 1000,
    disruptionBudget: '20%',
    target: { ...chatTarget, selector: { app: 'chat-70b' } },
    hpa: { preset: 'multi-metric' },
  },
)
const reservation = {
  kind: 'odcr',
  region: 'us-east-1',
  zone: 'us-east-1a',
  instanceType: 'p5.48xlarge',
  count: 2,
} as const
const golden = join(import.meta.dirname, '../golden/manifests')

const decisionOf = (...workloads: ReturnType<typeof workloadDecision>[]) =>
  capacityPlan({ workloads }).decision
const scaledObjectOf = (...workloads: ReturnType<typeof workloadDecision>[]) =>
  createManifests(decisionOf(...workloads), 'us-east-1', config)[0] as ScaledObject

function failureOf(run: () => unknown): LlmscaleError {
  try {
    run()
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('createManifests', () => {
  const decision = () =>
    capacityPlan({
      workloads: [
        workloadDecision(),
        workloadDecision({
          model: 'summary-8b',
          target: { kind: 'LeaderWorkerSet', name: 'summary', namespace: 'serving' },
          timeZone: 'UTC',
          hardMaximum: 12,
          floors: {
            minReplicas: 1,
            windows: [{ days: ['mon'], from: '22:00', to: '24:00', replicas: 3 }],
            exceptions: [
              { from: '2026-11-27T06:00:00Z', until: '2026-11-28T06:00:00Z', replicas: 12, reason: 'launch' },
            ],
          },
        }),
        workloadDecision({ model: 'elsewhere', region: 'eu-west-1' }),
      ],
      pools: [pool(), pool({ capacityType: 'spot', weight: 80, maximumNodes: 4 })],
      commitments: [
        { ...reservation, name: 'base', state: 'owned', id: 'cr-0123456789abcdef0' },
        { ...reservation, name: 'launch', state: 'proposed' },
      ],
    }).decision

  it.each([
    ['keda', config],
    ['keda-exact', exactConfig],
    ['hpa', hpaConfig],
  ])('writes what people read in test/golden/manifests/%s', (folder, settings) => {
    const files = createManifests(decision(), 'us-east-1', settings).map((object) => formatManifest(object))
    expect(files.map(({ name }) => name).sort()).toEqual(readdirSync(join(golden, folder)).sort())
    for (const { name, text } of files)
      expect(text, name).toBe(readFileSync(join(golden, folder, name), 'utf8'))
  })

  it('scales each kind of target by the object that has the scale subresource', () => {
    const refOf = (kind: ScaleTarget['kind']) =>
      scaledObjectOf(workloadDecision({ target: { kind, name: 'chat', namespace: 'ai' } })).spec
        .scaleTargetRef
    expect(refOf('Deployment')).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'chat' })
    expect(refOf('StatefulSet')).toEqual({ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'chat' })
    expect(refOf('LeaderWorkerSet').apiVersion).toBe('leaderworkerset.x-k8s.io/v1')
    expect(refOf('Rollout').apiVersion).toBe('argoproj.io/v1alpha1')
    expect(refOf('InferenceService')).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'chat-predictor',
    })
  })

  it('never writes replicas of the target', () => {
    expect(JSON.stringify(scaledObjectOf(workloadDecision()).spec.scaleTargetRef)).not.toContain('replicas')
  })

  it('refuses a workload without a reactive trigger and names what is missing', () => {
    const failure = failureOf(() => scaledObjectOf(workloadDecision({ trigger: null })))
    expect([failure.exitCode, failure.code]).toEqual([3, 'TRIGGER_MISSING'])
    expect(failure.message).toContain('chat-70b/us-east-1')
    expect(failure.message).toMatch(/trigger\.serverAddress and trigger\.query/)
  })

  it('refuses two workloads on one target, also where one names it through KServe', () => {
    const target = { kind: 'Deployment', name: 'chat-predictor', namespace: 'ai' } as const
    const failure = failureOf(() =>
      scaledObjectOf(
        workloadDecision({ model: 'a', target }),
        workloadDecision({ model: 'b', target: { kind: 'InferenceService', name: 'chat', namespace: 'ai' } }),
      ),
    )
    expect(failure.code).toBe('TARGET_SHARED')
    expect(failure.message).toContain(
      'workloads a/us-east-1 and b/us-east-1 both scale Deployment ai/chat-predictor',
    )
  })

  it('refuses bounds that the autoscaler would refuse', () => {
    for (const hardMaximum of [0, 1])
      expect(failureOf(() => scaledObjectOf(workloadDecision({ hardMaximum }))).code).toBe('BOUNDS_INVALID')
  })

  it('names the regions it has where the wanted one is not among them', () => {
    expect(failureOf(() => createManifests(capacityPlan().decision, 'eu-north-1', config)).message).toContain(
      'us-east-1',
    )
  })

  it('gives the tenants of a model objects of their own', () => {
    const names = createManifests(
      decisionOf(
        workloadDecision({ tenant: 'a', target: { kind: 'Deployment', name: 'chat-a', namespace: 'ai' } }),
        workloadDecision({ tenant: 'b', target: { kind: 'Deployment', name: 'chat-b', namespace: 'ai' } }),
      ),
      'us-east-1',
      config,
    ).map(({ metadata }) => metadata.name)
    expect(new Set(names).size).toBe(3)
  })
})

describe('reachedFloor', () => {
  // The HPA's rule for an external metric with an average value: replica_calculator.go, GetExternalPerPodMetricReplicas,
  // on milli-units as in the metrics API; newer clusters compare 1.0 + tolerance, older ones |1 − ratio|.
  const hpaReplicas = (running: number, value: number, exact: boolean): number => {
    const ratio = (value * 1000) / (1000 * running)
    const within = exact ? ratio <= 1.0 + 0.1 && ratio >= 1.0 - 0.1 : Math.abs(1 - ratio) <= 0.1
    return within ? running : value
  }

  it('is really reached from any number of replicas below it', () => {
    const missed: string[] = []
    for (const exact of [true, false])
      for (let floor = 1; floor <= 400; floor++)
        for (let running = 1; running < floor; running++)
          if (hpaReplicas(running, reachedFloor(floor), exact) < floor)
            missed.push(`${floor} from ${running}`)
    expect(missed).toEqual([])
  })

  it('is the smallest such value, and at most 10 % above the floor', () => {
    expect(hpaReplicas(20, 21, true)).toBe(20)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), (floor) => {
        const value = reachedFloor(floor)
        expect(value).toBeLessThanOrEqual(1.1 * floor)
        if (floor <= 10) expect(value).toBe(floor)
        if (value > floor) expect(10 * (value - 1)).toBeLessThanOrEqual(11 * (floor - 1))
      }),
    )
  })
})
