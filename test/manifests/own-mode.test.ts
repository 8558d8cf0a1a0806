import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/parse-config.js'
import { LlmscaleError } from '../../src/kit/errors.js'
import type {
  ClusterObject,
  Deployment,
  LeaderWorkerSet,
  ServerPodTemplate,
} from '../../src/manifests/cluster-object.js'
import { formatManifest } from '../../src/manifests/manifest-file.js'
import { createManifests } from '../../src/manifests/manifests.js'
import { transformObjects } from '../../src/manifests/transform.js'
import type { PlanDecision, WorkloadDecision } from '../../src/planning/capacity-plan.js'
import { capacityPlan, workloadDecision } from '../plan-fixture.js'
import { servingConfig } from './config-fixture.js'

const golden = join(import.meta.dirname, '../golden/own-mode')

const serve = { image: 'vllm/vllm-openai:v0.20.0', model: 'meta-llama/Llama-3.1-70B-Instruct' }
const spanning = { gpu: 'H100', gpusPerReplica: 16, precision: 'bf16', instanceType: 'p5.48xlarge' } as const
const groups = { kind: 'LeaderWorkerSet', name: 'chat-70b', namespace: 'serving' } as const
const spanningShapes = { shapes: [{ instanceType: 'p5.48xlarge', gpusPerReplica: 16 }] }

const objectsOf = (
  decision: Partial<WorkloadDecision> = {},
  workload: object = { serve },
  rest: object = {},
): ClusterObject[] =>
  createManifests(
    capacityPlan({ workloads: [workloadDecision(decision)] }).decision,
    'us-east-1',
    servingConfig({}, workload, rest),
  )
const find = <Kind extends ClusterObject['kind']>(objects: ClusterObject[], kind: Kind) =>
  objects.find((object): object is Extract<ClusterObject, { kind: Kind }> => object.kind === kind)!
const deploymentOf = (...given: Parameters<typeof objectsOf>): Deployment =>
  find(objectsOf(...given), 'Deployment')
const groupsOf = (workload: object = {}): LeaderWorkerSet =>
  find(
    objectsOf({ shape: spanning, target: groups }, { serve, target: groups, ...workload }, spanningShapes),
    'LeaderWorkerSet',
  )
const containerOf = ({ spec }: ServerPodTemplate) => spec.containers[0]!
const vllm = (given: object, decision: Partial<WorkloadDecision> = {}) =>
  containerOf(deploymentOf(decision, { serve: { ...serve, ...given } }).spec.template)

function failureOf(run: () => unknown): LlmscaleError {
  try {
    run()
  } catch (error) {
    if (error instanceof LlmscaleError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('own mode', () => {
  it('writes what people read in test/golden/own-mode', () => {
    const fleet = {
      priority: 1000,
      disruptionBudget: '25%',
      lengthLimits: { inputTokens: 16_384, outputTokens: 4096 },
    }
    const single = objectsOf(
      {},
      {
        ...fleet,
        serve: {
          ...serve,
          cache: { kind: 'pvc', storageClass: 'efs' },
          env: [{ name: 'HF_TOKEN', secret: { name: 'hugging-face', key: 'token' } }],
        },
      },
    )
    const target = { ...groups, name: 'chat-70b-groups' }
    const several = objectsOf(
      { shape: spanning, target },
      { ...fleet, serve: { ...serve, cache: { kind: 'host', path: '/mnt/models' } }, target },
      spanningShapes,
    )
    const isOurs = ({ kind }: ClusterObject) => kind !== 'ScaledObject' && kind !== 'NodePool'
    const groupKinds = ['Service', 'LeaderWorkerSet']
    const files = [...single.filter(isOurs), ...several.filter(({ kind }) => groupKinds.includes(kind))].map(
      (object) => formatManifest(object),
    )
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(golden, { recursive: true })
      for (const { name, text } of files) writeFileSync(join(golden, name), text)
    }
    expect(files.map(({ name }) => name).sort()).toEqual(readdirSync(golden).sort())
    for (const { name, text } of files) expect(text, name).toBe(readFileSync(join(golden, name), 'utf8'))
  })

  it('leaves replicas to the autoscaler', () => {
    expect(deploymentOf().spec).not.toHaveProperty('replicas')
    expect(groupsOf().spec).not.toHaveProperty('replicas')
  })

  it('renders servers only where `serve` is', () => {
    const kinds = objectsOf({}, {}).map(({ kind }) => kind)
    expect(kinds).toEqual(['ScaledObject', 'NodePool'])
  })

  it('scales what it renders', () => {
    for (const objects of [
      objectsOf(),
      objectsOf({ shape: spanning, target: groups }, { serve, target: groups }, spanningShapes),
    ]) {
      const { kind, name, apiVersion } = find(objects, 'ScaledObject').spec.scaleTargetRef
      const target = objects.find((object) => object.kind === kind)
      expect([target?.metadata.name, target?.apiVersion]).toEqual([name, apiVersion])
    }
  })

  it('reaches, spreads and budgets the pods of the template by labels that they have', () => {
    const objects = objectsOf({}, { serve, disruptionBudget: '25%' })
    const { spec } = find(objects, 'Deployment')
    const { labels } = spec.template.metadata
    for (const selector of [
      spec.selector.matchLabels,
      find(objects, 'Service').spec.selector,
      find(objects, 'PodDisruptionBudget').spec.selector.matchLabels,
      spec.template.spec.topologySpreadConstraints![0]!.labelSelector.matchLabels,
    ])
      expect(labels).toMatchObject(selector)
    expect(find(objects, 'PodDisruptionBudget').spec.maxUnavailable).toBe('25%')
  })

  it('takes arguments from the shape and the length limits', () => {
    const lengthLimits = { inputTokens: 30_000, outputTokens: 2000 }
    const { args } = containerOf(deploymentOf({}, { serve, lengthLimits }).spec.template)
    expect(args.slice(0, 2)).toEqual(['serve', serve.model])
    expect(args).toContain('--tensor-parallel-size=4')
    expect(args).toContain('--max-model-len=32000')
    expect(args).toContain('--served-model-name=chat-70b')
    expect(args).toContain('--quantization=fp8')
    expect(vllm({}).args.join(' ')).not.toContain('max-model-len')
    expect(vllm({ maxSequences: 64 }).args).toContain('--max-num-seqs=64')
    expect(vllm({ args: ['--enable-prefix-caching'] }).args.at(-1)).toBe('--enable-prefix-caching')
  })

  it('quantises by the precision of the shape, or as the config says', () => {
    const flagsOf = (precision: WorkloadDecision['shape']['precision'], given: object = {}) =>
      vllm(given, { shape: { gpu: 'H100', gpusPerReplica: 4, precision, instanceType: 'p5.48xlarge' } })
        .args.filter((argument) => argument.startsWith('--quantization'))
        .join()
    expect(flagsOf('bf16')).toBe('')
    expect(flagsOf('fp8')).toBe('--quantization=fp8')
    expect(flagsOf('fp8', { quantization: 'checkpoint' })).toBe('')
    expect(flagsOf('int4')).toBe('')
    expect(flagsOf('int4', { quantization: 'awq_marlin' })).toBe('--quantization=awq_marlin')
  })

  it('gives a start twice the cold start, in whole five minutes of at least ten', () => {
    const budgetOf = (coldStartSeconds: number) => {
      const { failureThreshold, periodSeconds } = containerOf(
        deploymentOf({ coldStartSeconds }).spec.template,
      ).startupProbe!
      return failureThreshold * periodSeconds
    }
    expect(budgetOf(60)).toBe(600)
    expect(budgetOf(540)).toBe(1200)
    expect(budgetOf(545)).toBe(1200)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7200 }), (coldStartSeconds) => {
        expect(budgetOf(coldStartSeconds)).toBeGreaterThanOrEqual(2 * coldStartSeconds)
        expect(budgetOf(coldStartSeconds) % 300).toBe(0)
      }),
      { numRuns: 20 },
    )
  })

  it('lets requests end before the server is told to stop', () => {
    const { spec } = deploymentOf({}, { serve: { ...serve, drain: '4m' } }).spec.template
    expect(containerOf({ metadata: { labels: {} }, spec }).lifecycle.preStop.sleep.seconds).toBe(240)
    expect(spec.terminationGracePeriodSeconds).toBe(270)
  })

  it('surges as the plan allows for, and never asks for neither surge nor absence', () => {
    const rolloutOf = (rolloutSurge: string) =>
      deploymentOf({}, { serve }, { planning: { rolloutSurge } }).spec.strategy.rollingUpdate
    expect(rolloutOf('25%')).toEqual({ maxSurge: '25%', maxUnavailable: 0 })
    expect(rolloutOf('0%')).toEqual({ maxSurge: 0, maxUnavailable: 1 })
  })

  it('asks for what the config says, else by the number of GPUs', () => {
    expect(vllm({}).resources).toEqual({
      requests: { cpu: '8', memory: '32Gi' },
      limits: { 'nvidia.com/gpu': '4' },
    })
    expect(vllm({ cpus: 12.5, memoryGiB: 200 }).resources.requests).toEqual({ cpu: '12.5', memory: '200Gi' })
  })

  it('keeps weights in a claim of its own, a given one, a folder of the node or the pod', () => {
    const cacheOf = (cache: object) => {
      const objects = objectsOf({}, { serve: { ...serve, cache } })
      const volume = find(objects, 'Deployment').spec.template.spec.volumes[0]
      return { volume, claims: objects.filter(({ kind }) => kind === 'PersistentVolumeClaim').length }
    }
    expect(cacheOf({ kind: 'pvc' })).toMatchObject({
      volume: { persistentVolumeClaim: { claimName: 'chat-70b-models' } },
      claims: 1,
    })
    expect(cacheOf({ kind: 'pvc', claim: 'shared' })).toMatchObject({
      volume: { persistentVolumeClaim: { claimName: 'shared' } },
      claims: 0,
    })
    expect(cacheOf({ kind: 'host', path: '/mnt/models' })).toMatchObject({
      volume: { hostPath: { path: '/mnt/models' } },
      claims: 0,
    })
    expect(cacheOf({ kind: 'none' })).toMatchObject({ volume: { emptyDir: {} }, claims: 0 })
  })

  it('lets the environment of llmscale.yaml stand over its own', () => {
    const { env } = vllm({ env: [{ name: 'HF_HOME', value: '/models/hub' }] })
    expect(env.filter(({ name }) => name === 'HF_HOME')).toEqual([{ name: 'HF_HOME', value: '/models/hub' }])
  })
})

describe('own mode over several nodes', () => {
  it('splits layers over nodes and each layer over the GPUs of a node', () => {
    const { leaderWorkerTemplate } = groupsOf().spec
    const [leader, worker] = [leaderWorkerTemplate.leaderTemplate, leaderWorkerTemplate.workerTemplate].map(
      containerOf,
    )
    expect(leaderWorkerTemplate.size).toBe(2)
    for (const { args, resources } of [leader!, worker!]) {
      expect(args).toEqual(
        expect.arrayContaining(['--tensor-parallel-size=8', '--pipeline-parallel-size=2', '--nnodes=2']),
      )
      expect(resources.limits).toEqual({ 'nvidia.com/gpu': '8', 'vpc.amazonaws.com/efa': '32' })
    }
    expect(leader!.args).toContain('--node-rank=0')
    expect(leader!.args).not.toContain('--headless')
    expect(worker!.args).toEqual(expect.arrayContaining(['--node-rank=$(LWS_WORKER_INDEX)', '--headless']))
  })

  it('asks only leaders for health, drains both and keeps a group in one zone', () => {
    const { leaderTemplate, workerTemplate } = groupsOf().spec.leaderWorkerTemplate
    expect(containerOf(leaderTemplate).readinessProbe).toBeDefined()
    expect(containerOf(workerTemplate)).not.toHaveProperty('readinessProbe')
    for (const template of [leaderTemplate, workerTemplate]) {
      expect(containerOf(template).lifecycle.preStop.sleep.seconds).toBe(90)
      const [term] = template.spec.affinity!.podAffinity.requiredDuringSchedulingIgnoredDuringExecution
      expect(term!.matchLabelKeys).toEqual(['leaderworkerset.sigs.k8s.io/group-index'])
    }
  })

  it('budgets groups, not pods', () => {
    const objects = objectsOf(
      { shape: spanning, target: groups },
      { serve, target: groups, disruptionBudget: '50%' },
      spanningShapes,
    )
    expect(find(objects, 'PodDisruptionBudget').spec.maxUnavailable).toBe('25%')
  })

  it('gives the Service a name beside the headless one of the set', () => {
    const objects = objectsOf({ shape: spanning, target: groups }, { serve, target: groups }, spanningShapes)
    expect(find(objects, 'Service').metadata.name).toBe('chat-70b-leader')
    expect(find(objects, 'Service').spec.selector).toHaveProperty([
      'leaderworkerset.sigs.k8s.io/worker-index',
    ])
  })

  it('refuses a plan that puts such a shape on single pods, in reference mode too', () => {
    for (const workload of [{ serve }, {}]) {
      const failure = failureOf(() => objectsOf({ shape: spanning }, workload))
      expect([failure.code, failure.exitCode]).toEqual(['SHAPE_SPANS_NODES', 3])
      expect(failure.message).toContain('16xH100-bf16@p5.48xlarge')
    }
  })
})

describe('the configuration of own mode', () => {
  const refusalOf = (workload: object, rest: object = {}): string =>
    failureOf(() => servingConfig({}, { serve, ...workload }, rest)).message
  const serveRefusalOf = (given: object) => refusalOf({ serve: { ...serve, ...given } })

  it('takes no secrets, and never repeats one', () => {
    const token = `hf_${'a'.repeat(30)}`
    for (const given of [
      { env: [{ name: 'HF_TOKEN', value: 'hunter2-hunter2' }] },
      { env: [{ name: 'HOME_PAGE', value: token }] },
      { args: ['--api-key=hunter2-hunter2'] },
      { args: [`--hf-overrides=${token}`] },
    ]) {
      const message = serveRefusalOf(given)
      expect(message).toMatch(/looks like a secret/)
      expect(message).not.toMatch(/hunter2|aaaa/)
    }
    expect(() =>
      servingConfig({}, { serve: { ...serve, env: [{ name: 'VLLM_LOGGING_LEVEL', value: 'INFO' }] } }),
    ).not.toThrow()
  })

  it('takes no flag that follows from the plan', () => {
    for (const flag of ['--tensor-parallel-size=8', '--max_model_len=10', '--headless'])
      expect(serveRefusalOf({ args: [flag] })).toMatch(/is set by llmscale; leave it out/)
    expect(serveRefusalOf({ args: ['-tp 8'] })).toMatch(/is not one flag/)
  })

  it('says which of value and secret is missing, and which variable is there twice', () => {
    expect(serveRefusalOf({ env: [{ name: 'A' }] })).toMatch(/A needs either value or secret/)
    expect(serveRefusalOf({ env: [1, 2].map(() => ({ name: 'A', value: 'x' })) })).toMatch(
      /A is there already/,
    )
  })

  it('renders only Deployments and LeaderWorkerSets with names that a Service may have', () => {
    expect(refusalOf({ target: { kind: 'Rollout', name: 'chat' } })).toMatch(
      /target\.kind: Rollout is not rendered; with serve: write Deployment or LeaderWorkerSet/,
    )
    expect(refusalOf({ target: { kind: 'Deployment', name: '70b-chat' } })).toMatch(/target\.name/)
    expect(refusalOf({ target: { kind: 'Deployment', name: 'a'.repeat(51) } })).toMatch(/target\.name/)
  })

  it('takes shapes of whole nodes, on a LeaderWorkerSet alone', () => {
    expect(refusalOf({}, spanningShapes)).toMatch(
      /target\.kind: Deployment scales single pods, and 16xH100-bf16@p5\.48xlarge spans 2 nodes/,
    )
    expect(refusalOf({}, { shapes: [{ instanceType: 'p5.48xlarge', gpusPerReplica: 12 }] })).toMatch(
      /12 is no whole number of nodes: one p5\.48xlarge has 8 GPUs/,
    )
    const mixed = {
      shapes: [
        { instanceType: 'p5.48xlarge', gpusPerReplica: 8 },
        { instanceType: 'p5.48xlarge', gpusPerReplica: 16 },
      ],
    }
    expect(() => servingConfig({}, { serve, shapes: ['8xH100-bf16@p5.48xlarge'] }, mixed)).not.toThrow()
    expect(() => servingConfig({}, { serve, target: groups }, spanningShapes)).not.toThrow()
  })

  it('holds in the example', () => {
    const path = join(import.meta.dirname, '../../examples/own-mode/llmscale.yaml')
    expect(() => parseConfig(readFileSync(path, 'utf8'), path)).not.toThrow()
  })
})

describe('names of rendered objects', () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789-'
  const targetName = fc
    .tuple(
      fc.constantFrom(...'abcxyz'),
      fc.string({ unit: fc.constantFrom(...letters), maxLength: 48 }),
      fc.constantFrom(...'abc019'),
    )
    .map((parts) => parts.join(''))
  const fleet = fc.uniqueArray(
    fc.record({
      model: fc.string({ minLength: 1, maxLength: 80 }),
      name: targetName,
      spans: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5, selector: ({ name }) => name },
  )

  it('are DNS labels of at most 63 characters, each once', () => {
    fc.assert(
      fc.property(fleet, (members) => {
        const kindOf = (spans: boolean) => (spans ? 'LeaderWorkerSet' : 'Deployment')
        const entries = members.map(({ name, spans }, index) => ({
          // Distinct whatever the text: llmscale.yaml takes each model once.
          model: `${members[index]!.model}-${index}`,
          target: { kind: kindOf(spans), name, namespace: 'serving' } as const,
          priority: index,
          disruptionBudget: '20%',
          serve: { ...serve, cache: { kind: 'pvc' } },
          slo: { ttftP95: '2s' },
          shapes: [spans ? '16xH100-bf16@p5.48xlarge' : '4xH100-bf16@p5.48xlarge'],
        }))
        const config = servingConfig(
          {},
          {},
          {
            models: Object.fromEntries(
              entries.map(({ model }) => [model, { architecture: 'llama-3.1-70b' }]),
            ),
            shapes: [4, 16].map((gpusPerReplica) => ({ instanceType: 'p5.48xlarge', gpusPerReplica })),
            workloads: entries,
          },
        )
        const decision: PlanDecision = capacityPlan({
          workloads: entries.map(({ model, target }, index) =>
            workloadDecision({
              model,
              target,
              shape: { ...spanning, gpusPerReplica: members[index]!.spans ? 16 : 4 },
            }),
          ),
        }).decision
        const objects = createManifests(decision, 'us-east-1', config)
        const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
        expect(new Set(names).size).toBe(names.length)
        for (const { metadata } of objects) expect(metadata.name).toMatch(/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/)
      }),
      { numRuns: 50 },
    )
  })
})

describe('transformObjects', () => {
  it('gives what the transform makes of each object, and leaves the given ones alone', () => {
    const objects = objectsOf()
    const before = structuredClone(objects)
    const transformed = transformObjects(objects, (object) => {
      object.metadata.labels['team'] = 'search'
      return object
    })
    expect(transformed.every(({ metadata }) => metadata.labels['team'] === 'search')).toBe(true)
    expect(objects).toEqual(before)
    expect(transformObjects(objects)).toEqual(objects)
  })

  it('refuses a transform that loses, changes or doubles an object', () => {
    const refusalOf = (transform: (object: ClusterObject) => unknown) =>
      failureOf(() => transformObjects(objectsOf(), transform as never)).code
    const [first] = objectsOf({}, {})
    expect(refusalOf(() => undefined)).toBe('TRANSFORM_INVALID')
    expect(refusalOf(() => first)).toBe('TRANSFORM_INVALID')
    expect(
      failureOf(() =>
        transformObjects(
          [first!, { ...first!, metadata: { ...first!.metadata, name: 'b' } }],
          (object) =>
            ({
              ...object,
              metadata: { ...object.metadata, name: 'a' },
            }) as ClusterObject,
        ),
      ).code,
    ).toBe('NAME_TAKEN')
  })
})
