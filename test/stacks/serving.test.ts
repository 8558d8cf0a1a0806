import { runtime } from '@pulumi/pulumi'
import { describe, expect, it } from 'vitest'
import type { ClusterObject } from '../../src/manifests/cluster-object.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { declareServing } from '../../stacks/serving.js'
import { chatTarget, servingConfig } from '../manifests/config-fixture.js'
import { capacityPlan } from '../plan-fixture.js'

const objectsOf = (autoscaler: 'keda' | 'hpa') =>
  createManifests(
    capacityPlan().decision,
    'us-east-1',
    servingConfig(
      {
        regions: ['us-east-1'],
        autoscaler,
        clusters: { 'us-east-1': { name: 'serving', nodeRole: 'gpu', subnets: ['subnet-a'] } },
        nodes: { amiAlias: 'al2023@v20260901' },
      },
      { priority: 1000, disruptionBudget: '20%', target: { ...chatTarget, selector: { app: 'chat' } } },
    ),
  )

/** What the program asks of the engine. */
async function registrations(objects: readonly ClusterObject[]): Promise<runtime.MockResourceArgs[]> {
  const asked: runtime.MockResourceArgs[] = []
  runtime.setMocks({
    newResource: (args) => {
      asked.push(args)
      return { id: args.name, state: args.inputs }
    },
    call: ({ inputs }) => inputs,
  })
  declareServing(objects)
  await runtime.disconnect()
  return asked
}

describe.each(['keda', 'hpa'] as const)('declareServing with %s', (autoscaler) => {
  it('declares each object as it is rendered, in a component of its own', async () => {
    const objects = objectsOf(autoscaler)
    const asked = await registrations(objects)
    const isComponent = ({ type }: runtime.MockResourceArgs) => type.startsWith('llmscale:serving:')
    expect(asked.filter(isComponent)).toHaveLength(objects.length)
    const declared = asked.filter((each) => !isComponent(each))
    expect(declared).toHaveLength(objects.length)
    for (const { apiVersion, kind, ...rest } of objects) {
      const found = declared.find(({ type }) => type === `kubernetes:${apiVersion}:${kind}`)
      expect(found, kind).toMatchObject({ name: rest.metadata.name, inputs: rest })
    }
  })

  it('never sets the replicas of a target', async () => {
    for (const { inputs } of await registrations(objectsOf(autoscaler)))
      expect(inputs['spec'] ?? {}).not.toHaveProperty('replicas')
  })
})
