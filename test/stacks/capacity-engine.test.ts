import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { previewStack, type StackOptions, withStack } from '../../src/delivery/engine.js'
import { createCapacity, expandCapacity, withoutEnded } from '../../src/manifests/capacity.js'
import type { CapacityResource } from '../../src/manifests/capacity-resource.js'
import type { PlanDecision } from '../../src/planning/capacity-plan.js'
import { parseUrn } from '../../src/planning/change-set.js'
import { declareCapacity } from '../../stacks/capacity.js'
import { capacityConfig, commitment, decisionOf } from '../capacity-fixture.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { pool, workloadDecision } from '../plan-fixture.js'
import { emptyFolder } from '../run-cli.js'

const region = 'us-east-1'

describe.skipIf(engineFolder === undefined)(
  `the capacity layer${engineNote}, stand-in for AWS`,
  { timeout: 180_000 },
  () => {
    let cloud: string
    let projectFolder: string
    beforeEach(() => {
      cloud = emptyFolder()
      projectFolder = emptyFolder()
      for (const [name, value] of Object.entries({ ...engineEnvironment, LLMSCALE_STAND_IN_CLOUD: cloud }))
        vi.stubEnv(name, value)
    })
    afterAll(() => {
      vi.unstubAllEnvs()
    })

    const options = (resources: readonly CapacityResource[]): StackOptions => ({
      stackName: 'prod.us-east-1.capacity',
      projectFolder,
      program: async () => declareCapacity(resources),
    })
    const up = async (resources: readonly CapacityResource[]) =>
      withStack(options(resources), async ({ stack }) => {
        await stack.up()
      })
    const listProtected = (): string[] => {
      const state = '.llmscale/pulumi/state/.pulumi/stacks/llmscale/prod.us-east-1.capacity.json'
      const { resources } = JSON.parse(readFileSync(join(projectFolder, state), 'utf8')).checkpoint.latest
      return (resources as { type: string; protect?: boolean }[])
        .filter(({ protect }) => protect)
        .map(({ type }) => type)
    }
    const changesOf = async (resources: readonly CapacityResource[]) =>
      (await previewStack(options(resources))).changes
        .map(({ urn, op, paths }) => ({ ...parseUrn(urn), op, paths }))
        .filter(({ type }) => type.startsWith('aws:'))
    const inCloud = (type: string) => {
      const folder = join(cloud, 'aws', encodeURIComponent(type))
      mkdirSync(folder, { recursive: true })
      return readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    }

    const reservationType = 'aws:ec2/capacityReservation:CapacityReservation'
    const reserved = pool({ capacityType: 'reserved', maximumNodes: 2, weight: 60 })
    /** A plan that holds a reservation of two nodes. */
    const capacityOf = (
      maximumNodes: number,
      decision: Partial<PlanDecision> = {},
      config = capacityConfig(),
    ) =>
      createCapacity(
        decisionOf({ pools: [reserved, pool({ maximumNodes })], commitments: [commitment()], ...decision }),
        region,
        config,
      )

    it('comes up, follows a plan in place, expands before it contracts, and gives no reservation back', async () => {
      const first = capacityOf(6)
      await up(first)
      expect(listProtected()).toEqual([reservationType])
      expect(
        inCloud('aws:eks/nodeGroup:NodeGroup')
          .map(({ scalingConfig }) => scalingConfig.maxSize)
          .sort(),
      ).toEqual([2, 2, 2, 2])
      const [reservation] = inCloud(reservationType)
      expect(reservation).toMatchObject({ availabilityZone: 'us-east-1b', instanceCount: 2 })
      expect(await changesOf(first)).toEqual([])

      // More nodes, and other floors: in place, and what runs is left to the autoscaler.
      const floors = { minReplicas: 9, windows: [], exceptions: [] }
      const second = capacityOf(9, { workloads: [workloadDecision({ floors })] })
      const grown = await changesOf(second)
      expect(grown.filter(({ type }) => type === 'aws:eks/nodeGroup:NodeGroup')).toMatchObject([
        { op: 'update', paths: ['scalingConfig.maxSize'] },
        { op: 'update', paths: ['scalingConfig.maxSize'] },
        { op: 'update', paths: ['scalingConfig.maxSize'] },
      ])

      // Another image makes other groups: first both stand, then the old ones go.
      const image = 'manager: managed-node-groups, amiAlias: bottlerocket@v1.50.0'
      const third = capacityOf(3, {}, capacityConfig(image))
      const expanded = expandCapacity(first, third)
      expect((await changesOf(expanded)).filter(({ op }) => op !== 'create')).toEqual([])
      await up(expanded)
      expect(inCloud('aws:eks/nodeGroup:NodeGroup')).toHaveLength(8)
      await up(third)
      expect(inCloud('aws:eks/nodeGroup:NodeGroup').map(({ amiType }) => amiType)).toEqual(
        Array(4).fill('BOTTLEROCKET_x86_64_NVIDIA'),
      )

      await expect(previewStack(options([]))).rejects.toMatchObject({ code: 'RESOURCE_PROTECTED' })
      await expect(up([])).rejects.toThrow(/protect/)
      expect(inCloud(reservationType)).toHaveLength(1)
    })

    it('lets go of a reservation whose time is over and that EC2 has dropped', async () => {
      const held = capacityOf(3)
      await up(held)
      rmSync(join(cloud, 'aws', encodeURIComponent(reservationType)), { recursive: true })
      const end = Date.parse('2027-01-31T00:00:00Z') / 1000
      const refreshed = async (resources: readonly CapacityResource[]) =>
        (await previewStack({ ...options(withoutEnded(resources, end)), refresh: true })).changes.map(
          ({ urn, op }) => [op, parseUrn(urn).type],
        )
      // It blocks neither the plan that has it nor the one that lets it go.
      expect(await refreshed(held)).toEqual([])
      const next = held.filter(({ name }) => !name.includes('winter'))
      expect(await refreshed(expandCapacity(held, next))).toEqual([])
      expect((await refreshed(next)).sort()).toEqual([
        ['delete', 'aws:ec2/launchTemplate:LaunchTemplate'],
        ['delete', 'aws:eks/nodeGroup:NodeGroup'],
      ])
      await withStack(options(withoutEnded(next, end)), async ({ stack }) => {
        await stack.refresh()
        await stack.up()
      })
      expect(inCloud(reservationType)).toEqual([])
      expect(inCloud('aws:eks/nodeGroup:NodeGroup')).toHaveLength(3)
    })

    it('sets up what Karpenter needs', async () => {
      const queue = createCapacity(
        decisionOf(),
        region,
        capacityConfig('manager: karpenter, interruptionQueue: true'),
      )
      await up(queue)
      expect(inCloud('aws:cloudwatch/eventTarget:EventTarget').map(({ arn }) => arn)).toEqual(
        Array(5).fill('arn:aws:stand-in:::https://sqs.stand-in/000000000000/gpu-east'),
      )
    })
  },
)
