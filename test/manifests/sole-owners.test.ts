import { expect, it } from 'vitest'
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
