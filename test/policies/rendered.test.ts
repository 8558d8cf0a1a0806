import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkPolicies, createPolicies, type PolicyResource, requiredTags } from '../../policies/index.js'
import type { Config } from '../../src/config/schema.js'
import { createCapacity } from '../../src/manifests/capacity.js'
import { createManifests } from '../../src/manifests/manifests.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { capacityConfig } from '../capacity-fixture.js'
import { servingConfig } from '../manifests/config-fixture.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'

const now = Date.parse('2026-11-02T00:00:00Z') / 1000
const region = 'us-east-1'

function clusterResources({ decision }: CapacityPlan, config: Config): PolicyResource[] {
  return createManifests(decision, region, config).map((object) => ({
    type: `kubernetes:${object.apiVersion}:${object.kind}`,
    name: object.metadata.name,
    properties: { ...object },
  }))
}

function refusals(plan: CapacityPlan, config: Config, resources: readonly PolicyResource[]): string[] {
  return checkPolicies(createPolicies(config, 'prod'), { plan, resources, now })
    .filter(({ state }) => state === 'refused')
    .map(({ policy }) => policy)
}

describe('what llmscale renders keeps its own policies', () => {
  const serve = { image: 'vllm/vllm-openai:v0.20.0', model: 'meta-llama/Llama-3.1-70B-Instruct' }
  const cared = { serve, priority: 1000, disruptionBudget: '10%' }

  it('as a server of one node', () => {
    const plan = capacityPlan()
    const config = servingConfig({}, cared)
    const resources = clusterResources(plan, config)
    expect(resources.map(({ properties }) => properties['kind'])).toEqual(
      expect.arrayContaining(['Deployment', 'PodDisruptionBudget', 'PriorityClass']),
    )
    expect(refusals(plan, config, resources)).toEqual([])
  })

  it('as a group of nodes', () => {
    const target = { kind: 'LeaderWorkerSet', name: 'chat-70b', namespace: 'serving' } as const
    const shape = { gpu: 'H100', gpusPerReplica: 16, precision: 'bf16', instanceType: 'p5.48xlarge' } as const
    const plan = capacityPlan({
      workloads: [workloadDecision({ shape, target })],
      pools: [pool({ maximumNodes: 80 })],
    })
    const shapes = [{ instanceType: 'p5.48xlarge', gpusPerReplica: 16 }]
    const config = servingConfig({}, { ...cared, target }, { shapes })
    const resources = clusterResources(plan, config)
    expect(resources.map(({ properties }) => properties['kind'])).toContain('LeaderWorkerSet')
    expect(refusals(plan, config, resources)).toEqual([])
  })

  it('and a server that nobody gave a priority or a budget is refused', () => {
    const plan = capacityPlan()
    const config = servingConfig({}, { serve })
    expect(refusals(plan, config, clusterResources(plan, config))).toEqual([
      'disruption-budget',
      'priority-class',
    ])
  })

  it('as bounds beside the team’s own chart', () => {
    const plan = capacityPlan()
    const config = servingConfig()
    expect(refusals(plan, config, clusterResources(plan, config))).toEqual([])
  })
})

describe('required tags', () => {
  const plan = capacityPlan({ pools: [pool(), pool({ capacityType: 'spot', maximumNodes: 2, weight: 10 })] })
  const resources = createCapacity(plan.decision, region, capacityConfig()).map(
    ({ type, name, inputs }): PolicyResource => ({ type, name, properties: inputs }),
  )

  it('are on everything of AWS that llmscale declares', () => {
    expect(resources.length).toBeGreaterThan(5)
    const policies = [requiredTags(['team', 'managed-by'])]
    expect(checkPolicies(policies, { resources, now })).toMatchObject([{ state: 'passed' }])
  })

  it('are asked of the types that can have tags, and of no others', () => {
    for (const type of new Set(resources.map((resource) => resource.type))) {
      const [, path] = type.split(':')
      const declared = readFileSync(join('node_modules/@pulumi/aws', `${path}.d.ts`), 'utf8')
      const canHaveTags = /^ {4}tags\?: pulumi\.Input</m.test(declared)
      const bare: PolicyResource = { type, name: 'bare', properties: {} }
      const [verdict] = checkPolicies([requiredTags(['team'])], { resources: [bare], now })
      expect([type, verdict?.state]).toEqual([type, canHaveTags ? 'refused' : 'passed'])
    }
  })
})
