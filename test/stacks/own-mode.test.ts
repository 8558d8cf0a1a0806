import { runtime } from '@pulumi/pulumi'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkPolicies, createPolicies } from '../../policies/index.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { declareServing, type Transform, transformObjects } from '../../stacks/index.js'
import { servingConfig } from '../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'

interface Declared {
  type: string
  name: string
  inputs: Record<string, unknown>
}

let declared: Declared[] = []

beforeEach(async () => {
  declared = []
  await runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        declared.push({ type, name, inputs })
        return { id: name, state: inputs }
      },
      call: ({ inputs }) => inputs,
    },
    'llmscale',
    'prod.us-east-1.serving',
  )
})

const serve = {
  image: 'vllm/vllm-openai:v0.20.0',
  model: 'meta-llama/Llama-3.1-70B-Instruct',
  cache: { kind: 'pvc' },
}

async function declare(spans: boolean, transform?: Transform): Promise<void> {
  const kind = spans ? 'LeaderWorkerSet' : 'Deployment'
  const target = { kind, name: 'chat-70b', namespace: 'serving' } as const
  const gpusPerReplica = spans ? 16 : 4
  const shape = { gpu: 'H100', gpusPerReplica, precision: 'fp8', instanceType: 'p5.48xlarge' } as const
  const config = servingConfig(
    {},
    { serve, target, priority: 1000, disruptionBudget: '25%' },
    { shapes: [{ instanceType: 'p5.48xlarge', gpusPerReplica, precision: 'fp8' }] },
  )
  const { decision } = capacityPlan({ workloads: [workloadDecision({ target, shape })] })
  declareServing(createManifests(decision, 'us-east-1', config), transform === undefined ? {} : { transform })
  await runtime.disconnect()
}

const find = (type: string) => declared.find((resource) => resource.type === type)

describe('declareServing in own mode', () => {
  it('declares the server, its Service and its cache, each in a component', async () => {
    await declare(false)
    const types = declared.map(({ type }) => type)
    for (const kind of ['ModelCache', 'ModelService', 'ModelServer', 'PodPriority', 'DisruptionBudget'])
      expect(types).toContain(`llmscale:serving:${kind}`)
    expect(find('kubernetes:apps/v1:Deployment')).toMatchObject({
      name: 'serving/chat-70b',
      inputs: { metadata: { name: 'chat-70b', namespace: 'serving' } },
    })
    expect(find('kubernetes:apps/v1:Deployment')!.inputs['spec']).not.toHaveProperty('replicas')
    expect(types).toContain('kubernetes:core/v1:PersistentVolumeClaim')
    expect(types).toContain('kubernetes:core/v1:Service')
  })

  it('declares a LeaderWorkerSet where a replica spans nodes', async () => {
    await declare(true)
    expect(find('kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet')).toMatchObject({
      inputs: { spec: { leaderWorkerTemplate: { size: 2 } } },
    })
    expect(find('kubernetes:apps/v1:Deployment')).toBeUndefined()
  })

  it('declares what a transform makes of the objects', async () => {
    await declare(false, (object) => {
      object.metadata.labels['team'] = 'search'
      return object
    })
    const objects = declared.filter(({ type }) => type.startsWith('kubernetes:'))
    expect(objects.length).toBeGreaterThan(4)
    for (const { inputs, name } of objects)
      expect(inputs, name).toMatchObject({ metadata: { labels: { team: 'search' } } })
  })
})

describe('transformObjects', () => {
  it('shows policies what a transform takes away', () => {
    const plan = capacityPlan()
    const config = servingConfig({}, { serve, priority: 1000, disruptionBudget: '10%' })
    const refusedWith = (transform?: Transform) =>
      checkPolicies(createPolicies(config, 'prod'), {
        plan,
        resources: transformObjects(createManifests(plan.decision, 'us-east-1', config), transform).map(
          (object) => ({
            type: `kubernetes:${object.apiVersion}:${object.kind}`,
            name: object.metadata.name,
            properties: { ...object },
          }),
        ),
        now: Date.parse('2026-11-02T00:00:00Z') / 1000,
      })
        .filter(({ state }) => state === 'refused')
        .map(({ policy }) => policy)
    expect(refusedWith()).toEqual([])
    const withoutProbe: Transform = (object) => {
      if (object.kind === 'Deployment') delete object.spec.template.spec.containers[0]!.readinessProbe
      return object
    }
    expect(refusedWith(withoutProbe)).toEqual(['probes'])
  })
})
