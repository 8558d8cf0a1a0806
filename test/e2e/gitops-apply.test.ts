import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/apply.js'
import { parseConfig } from '../../src/config/parse-config.js'
import { createManifests } from '../../src/manifests/manifests.js'
import type { CapacityPlan } from '../../src/planning/capacity-plan.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'
import { type StandInCluster, startCluster } from '../stand-in-kubernetes.js'

// Argo CD brings what is in the cluster, at a time of its own; the capacity below it stays Pulumi's.

const config = configText(
  `regions: [us-east-1], delivery: gitops, nodes: {manager: managed-node-groups, amiAlias: al2023@v20260901}, clusters: {us-east-1: {name: prod, context: stand-in, nodeRole: 'arn:aws:iam::000000000000:role/gpu', subnets: [subnet-1, subnet-2, subnet-3], zones: [us-east-1a, us-east-1b, us-east-1c]}}`,
)
const spot = pool({ capacityType: 'spot', maximumNodes: 2, weight: 40 })
const first = capacityPlan({ pools: [pool(), spot] })
/** More on demand, and no spot: it both expands and contracts. */
const second = capacityPlan(
  { workloads: [workloadDecision({ hardMaximum: 38 })], pools: [pool({ maximumNodes: 21 })] },
  { baseline: first.planId, origin: '2026-11-01T12:00:00Z' },
)

/** What the cluster has when Argo CD has brought a plan: its objects, the target of its team, and its namespace. */
function delivered({ decision }: CapacityPlan): StandInCluster['objects'] {
  const objects = createManifests(decision, 'us-east-1', parseConfig(config, 'llmscale.yaml'))
  return [
    ...(objects as unknown as StandInCluster['objects']),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'serving' } },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'chat-70b', namespace: 'serving' } },
  ]
}

describe.skipIf(engineFolder === undefined)(
  `llmscale apply beside Argo CD${engineNote}, stand-in for the cluster`,
  { timeout: 600_000 },
  () => {
    let cluster: StandInCluster
    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterAll(() => cluster.stop())

    const cwd = projectFolder(first, config)
    const cloud = emptyFolder()
    const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
      runCommand(args, {
        cwd,
        env: {
          ...engineEnvironment,
          LLMSCALE_STAND_IN_CLOUD: cloud,
          HOME: cloud,
          KUBECONFIG: cluster.kubeconfig,
          AWS_EC2_METADATA_DISABLED: 'true',
          ...env,
        },
      })
    async function apply(...flags: string[]) {
      const { code, stdout, stderr } = await run([
        ...['apply', '--as-of', '2026-11-02T00:00:00Z', '--yes', '--json'],
        ...flags,
      ])
      expect([code, stderr]).toEqual([0, ''])
      const { result, warnings } = JSON.parse(stdout)
      const { stacks, steps } = Result.parse(result)
      return {
        stacks,
        steps: steps.map(({ stack, step, state }) => `${step} ${stack} ${state}`),
        warnings: (warnings as { code: string; message: string }[]).map(
          ({ code, message }) => `${code}: ${message}`,
        ),
      }
    }
    async function render() {
      const { code, stderr } = await run(['render'])
      expect([code, stderr]).toEqual([0, expect.stringContaining('Rendered 1 objects')])
    }
    const nodeGroups = () => {
      const folder = join(cloud, 'aws', encodeURIComponent('aws:eks/nodeGroup:NodeGroup'))
      return readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    }
    const maximumNodes = (type: string) =>
      nodeGroups()
        .filter(({ capacityType }) => capacityType === type)
        .reduce((nodes, { scalingConfig }) => nodes + scalingConfig.maxSize, 0)
    const capacity = 'prod.us-east-1.capacity'

    it('gives capacity at once, and takes it away only when the cluster has what was merged', async () => {
      await render()
      cluster.objects = delivered(first).slice(1)
      const beginning = await apply()
      // Nothing is taken away: there is nothing to wait for.
      expect(beginning.steps).toEqual([`expand ${capacity} done`, `contract ${capacity} done`])
      expect([beginning.warnings, nodeGroups().length]).toEqual([[], 5])
      const [, serving] = beginning.stacks
      expect(serving).toMatchObject({ stack: 'prod.us-east-1.serving', engineVersion: 'none', changes: [] })

      writePlanFiles(join(cwd, 'forecasts/prod'), second)
      await render()
      const allowed = ['--allow-delete', 'us-east-1/p5.48xlarge/spot']
      cluster.objects = delivered(first)
      const behind = await apply(...allowed)
      expect(behind.steps).toEqual([`expand ${capacity} done`, `contract ${capacity} pending`])
      expect(behind.warnings).toEqual([
        `CONTRACT_PENDING: ${capacity} keeps what the plan takes away, until the next apply: cluster of us-east-1: ` +
          'ScaledObject serving/chat-70b-4216a7 spec.maxReplicaCount is 40, not 38, and 1 more',
      ])
      expect([maximumNodes('ON_DEMAND'), maximumNodes('SPOT')]).toEqual([21, 2])

      cluster.objects = delivered(second)
      const there = await apply(...allowed)
      expect(there.steps).toEqual([`expand ${capacity} done`, `contract ${capacity} done`])
      expect([there.warnings, maximumNodes('ON_DEMAND'), maximumNodes('SPOT')]).toEqual([[], 21, 0])
      expect(
        cluster.requests.filter((line) => !line.startsWith('GET') && !line.includes('dryRun=All')),
      ).toEqual([])
    })
  },
)
