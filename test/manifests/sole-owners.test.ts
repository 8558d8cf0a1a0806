import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LlmscaleError } from '../../src/kit/errors.js'
import { workloadName } from '../../src/manifests/autoscaler.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { servingConfig } from './config-fixture.js'

const render = (...workloads: ReturnType<typeof workloadDecision>[]) =>
  createManifests(capacityPlan({ workloads }).decision, 'us-east-1', servingConfig())

it('refuses two workloads whose objects would have one name', () => {
  const target = (name: string) => ({ kind: 'Deployment', name, namespace: 'ai' }) as const
  const model = workloadDecision({ model: 'org/llama', target: target('a') })
  const tenant = workloadDecision({ model: 'org', tenant: 'llama', target: target('b') })
  expect(() => render(model, tenant)).toThrow(/two workloads would both have ScaledObject ai\/org-llama-/)
  const apart = { ...tenant, target: { ...tenant.target, namespace: 'other' } }
  expect(() => render(model, apart)).toThrow(/two workloads would both have ScaledObject other\/org-llama-/)
  expect(render(model, { ...tenant, tenant: 'other' })).toHaveLength(3)
})

it('refuses a name that Kubernetes would refuse', () => {
  const config = servingConfig({}, { priority: 1_000_000 })
  const environment = 'e'.repeat(58)
  const { decision } = capacityPlan({ environment, pools: [pool()] })
  const renamed = { ...config, environments: { [environment]: config.environments['prod']! } }
  expect(() => createManifests(decision, 'us-east-1', renamed)).toThrow(
    /PriorityClass p1000000-e+ has a name of 67 characters; Kubernetes takes at most 63/,
  )
})

it.each(['keda', 'hpa'] as const)(
  'gives the autoscaler of %s the name of the one that exists',
  (autoscaler) => {
    const target = { kind: 'Deployment', name: 'chat-70b', namespace: 'serving', autoscaler: 'chat-scaler' }
    const { decision } = capacityPlan({ pools: [] })
    const objects = createManifests(decision, 'us-east-1', servingConfig({ autoscaler }, { target }))
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(['chat-scaler'])
  },
)

it('never gives two autoscalers one name, whichever names are taken over', () => {
  const models = ['a', 'b', 'c']
  const Names = fc.constantFrom(
    undefined,
    'x',
    'y',
    ...models.map((model) => workloadName({ model, region: 'us-east-1' })),
  )
  fc.assert(
    fc.property(fc.tuple(Names, Names, Names), (names) => {
      const workloads = models.map((model) =>
        workloadDecision({ model, target: { kind: 'Deployment', name: model, namespace: model } }),
      )
      const effective = names.map((name, index) => name ?? workloadName(workloads[index]!))
      const isUnique = new Set(effective).size === effective.length
      const render = () =>
        createManifests(
          capacityPlan({ workloads, pools: [] }).decision,
          'us-east-1',
          servingConfig(
            {},
            {},
            {
              models: Object.fromEntries(models.map((model) => [model, { architecture: 'llama-3.1-70b' }])),
              workloads: workloads.map(({ model, target }, index) => ({
                model,
                target: { ...target, ...(names[index] !== undefined && { autoscaler: names[index] }) },
                slo: { ttftP95: '2s' },
              })),
            },
          ),
        )
      if (isUnique) expect(render().map(({ metadata }) => metadata.name)).toEqual(effective)
      else expect(render).toThrow(LlmscaleError)
    }),
  )
})
