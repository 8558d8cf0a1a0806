import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createManifests } from '../../../src/manifests/manifests.js'
import type { ScaleTarget } from '../../../src/planning/capacity-plan.js'
import { servingConfig } from '../../manifests/config-fixture.js'
import { capacityPlan, workloadDecision } from '../../plan-fixture.js'
import { emptyFolder, runCli } from '../../run-cli.js'
import { type ObjectReference, refusal } from '../cluster-client.js'
import { useCluster } from '../cluster-fixture.js'
import { missingNote } from '../tiers.js'
import { goldenFolders, readObjects } from './rendered-objects.js'

const note = missingNote('core')
const data = process.env['LLMSCALE_TEST_DATA']

interface Applied {
  metadata: { generation?: number }
}

/** An object from outside, which may have anything. */
// biome-ignore lint/suspicious/noExplicitAny: broken on purpose
type Loose = any

interface BrokenVariant {
  kind: string
  what: string
  breakObject: (object: Loose) => void
  /** The field that the message names. */
  says: string
}

/** One mutation each of an object that is accepted. */
const brokenVariants: BrokenVariant[] = [
  {
    kind: 'ScaledObject',
    what: 'a field that nobody knows',
    breakObject: ({ spec }) => (spec.maxReplicas = 3),
    says: '.spec.maxReplicas: field not declared in schema',
  },
  {
    kind: 'ScaledObject',
    what: 'least replicas above the most',
    breakObject: ({ spec }) => (spec.minReplicaCount = spec.maxReplicaCount + 1),
    says: 'minReplicaCount',
  },
  {
    kind: 'ScaledObject',
    what: 'a number where KEDA wants text',
    breakObject: ({ spec }) => (spec.triggers[0].metadata.threshold = 48),
    says: 'spec.triggers[0].metadata.threshold',
  },
  {
    kind: 'ScaledObject',
    what: 'text where seconds belong',
    breakObject: ({ spec }) => {
      spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds = 'long'
    },
    says: 'stabilizationWindowSeconds',
  },
  {
    kind: 'HorizontalPodAutoscaler',
    what: 'a field that nobody knows',
    breakObject: ({ spec }) => (spec.behavior.scaleUpp = spec.behavior.scaleUp),
    says: '.spec.behavior.scaleUpp: field not declared in schema',
  },
  {
    kind: 'HorizontalPodAutoscaler',
    what: 'least replicas above the most',
    breakObject: ({ spec }) => (spec.minReplicas = spec.maxReplicas + 1),
    says: 'spec.maxReplicas',
  },
  {
    kind: 'HorizontalPodAutoscaler',
    what: 'a stabilization window above an hour',
    breakObject: ({ spec }) => (spec.behavior.scaleDown.stabilizationWindowSeconds = 3601),
    says: 'spec.behavior.scaleDown.stabilizationWindowSeconds',
  },
  {
    kind: 'PodDisruptionBudget',
    what: 'both limits at once',
    breakObject: ({ spec }) => (spec.minAvailable = 1),
    says: 'minAvailable',
  },
  {
    kind: 'PodDisruptionBudget',
    what: 'a share that is none',
    breakObject: ({ spec }) => (spec.maxUnavailable = '20 percent'),
    says: 'spec.maxUnavailable',
  },
  {
    kind: 'PriorityClass',
    what: 'a priority that is kept for the system',
    breakObject: (object) => {
      object.metadata.name = 'too-high'
      object.value = 1_000_000_001
    },
    says: 'value',
  },
  {
    kind: 'NodePool',
    what: 'a field of an older version',
    breakObject: ({ spec }) => (spec.ttlSecondsAfterEmpty = 30),
    says: '.spec.ttlSecondsAfterEmpty: field not declared in schema',
  },
  {
    kind: 'NodePool',
    what: 'a weight above 100',
    breakObject: ({ spec }) => (spec.weight = 101),
    says: 'spec.weight',
  },
  {
    kind: 'NodePool',
    what: 'a schedule without a duration',
    breakObject: ({ spec }) => spec.disruption.budgets.push({ nodes: '0', schedule: '0 9 * * *' }),
    says: 'spec.disruption',
  },
  {
    kind: 'NodePool',
    what: 'more than all nodes',
    breakObject: ({ spec }) => (spec.disruption.budgets[0].nodes = '110%'),
    says: 'spec.disruption.budgets[0].nodes',
  },
  {
    kind: 'NodePool',
    what: 'a comparison with two values',
    breakObject: ({ spec }) => {
      spec.template.spec.requirements[0].operator = 'Gt'
      spec.template.spec.requirements[0].values = ['1', '2']
    },
    says: 'spec.template.spec.requirements',
  },
  {
    kind: 'EC2NodeClass',
    what: 'neither role nor instance profile',
    breakObject: ({ spec }) => delete spec.role,
    says: 'instanceProfile',
  },
  {
    kind: 'EC2NodeClass',
    what: 'an image without a version',
    breakObject: ({ spec }) => (spec.amiSelectorTerms[0].alias = 'al2023'),
    says: 'spec.amiSelectorTerms[0].alias',
  },
  {
    kind: 'CronJob',
    what: 'a schedule that is none',
    breakObject: ({ spec }) => (spec.schedule = 'every hour'),
    says: 'spec.schedule',
  },
]

describe.skipIf(note !== undefined)(`what an API server takes${note ?? ''}`, () => {
  const cluster = useCluster()

  const named = (objects: readonly ObjectReference[]) =>
    objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)

  /** Applied twice, no object changes the second time: what we write is what the server keeps. */
  async function expectAccepted(objects: readonly ObjectReference[]): Promise<void> {
    expect(objects.length).toBeGreaterThan(0)
    const { applyAll, apply, read } = cluster.current
    await applyAll(objects)
    for (const object of objects) {
      const { metadata: first } = await read<Applied>(object)
      const { metadata: second } = await apply<Applied>(object)
      expect([object.kind, second.generation]).toEqual([object.kind, first.generation])
    }
  }

  it.each(goldenFolders.map((folder) => [basename(folder), folder]))(
    'every golden object of %s',
    async (_, folder) => {
      await expectAccepted(readObjects(folder))
    },
  )

  it.each<ScaleTarget['kind']>([
    'Deployment',
    'StatefulSet',
    'LeaderWorkerSet',
    'Rollout',
    'InferenceService',
  ])('the autoscaler of a %s', async (kind) => {
    const target = { kind, name: 'chat-70b', namespace: kind.toLowerCase() }
    const { decision } = capacityPlan({ workloads: [workloadDecision({ target })] })
    for (const autoscaler of ['keda', 'hpa'])
      await expectAccepted(createManifests(decision, 'us-east-1', servingConfig({ autoscaler })))
  })

  it.skipIf(data === undefined)(
    'every object of a plan from a real trace (needs LLMSCALE_TEST_DATA)',
    async () => {
      const folder = emptyFolder()
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await runCli([
          ...args,
          ...['--config', 'examples/servegen/llmscale.yaml', '--json'],
        ])
        expect(code, stderr + stdout).toBe(0)
      }
      const [plan, manifests] = [join(folder, 'plan'), join(folder, 'manifests')]
      const demand = join(data!, 'servegen-demand-10min.csv.gz')
      await run('plan', '--metrics', demand, '--as-of', '2025-03-17T00:00:00Z', '--out', plan)
      await run('render', '--plan', plan, '--out', manifests)
      const objects = readObjects(manifests)
      expect(named(objects).filter((name) => name.startsWith('ScaledObject'))).toHaveLength(2)
      await expectAccepted(objects)
    },
  )

  it.each(brokenVariants)('refuses $kind: $what', async ({ kind, breakObject, says }) => {
    const objects = goldenFolders.flatMap(readObjects)
    const object = structuredClone(objects.find((object) => object.kind === kind))
    expect(object, `no ${kind} in test/golden`).toBeDefined()
    const { applyAll, apply } = cluster.current
    await applyAll([object!])
    breakObject(object as unknown as Loose)
    const { code, message } = await refusal(apply(object!))
    expect([400, 422, 500]).toContain(code)
    expect(message).toContain(says)
  })
})
