import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { captureOutput } from '@oclif/test'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { FailureEnvelope } from '../../src/cli/envelope.js'
import Apply from '../../src/commands/apply.js'
import Plan from '../../src/commands/plan.js'
import Preview from '../../src/commands/preview.js'
import Render from '../../src/commands/render.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { type StandInCluster, servedKinds, startCluster } from '../stand-in-kubernetes.js'

const asOf = ['--as-of', '2026-11-02T00:00:00Z']
const here = process.cwd()
const commands = {
  apply: (args: string[]) => Apply.run(args, here),
  plan: (args: string[]) => Plan.run(args, here),
  preview: (args: string[]) => Preview.run(args, here),
  render: (args: string[]) => Render.run(args, here),
}
type CommandLine = [keyof typeof commands, ...string[]]

/** Runs a command in this process. Gives what scripts see of its failure, `''` where there is none. */
async function failureOf(cwd: string, ...[name, ...args]: CommandLine): Promise<string> {
  const config = ['--config', join(cwd, 'llmscale.yaml')]
  const { stdout, stderr } = await captureOutput<unknown>(() =>
    commands[name]([...args, ...config, '--json']),
  )
  expect(stderr).toBe('')
  const { success, data } = FailureEnvelope.safeParse(JSON.parse(stdout))
  if (!success) return ''
  const { code, message, tryThis } = data.error
  return [`${data.status} ${code}: ${message}`, ...tryThis].join('\n').replaceAll(cwd, '.')
}

let exitCodeBefore: typeof process.exitCode
beforeEach(() => {
  exitCodeBefore = process.exitCode
  vi.stubEnv('KUBECONFIG', undefined)
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined)
  vi.stubEnv('HOME', '/nowhere')
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  return () => {
    process.exitCode = exitCodeBefore
    vi.unstubAllEnvs()
  }
})

describe('a cluster that a plan cannot go to, by a stand-in', () => {
  let cluster: StandInCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())
  const serving = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'serving' } }
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'chat-70b' }
  const deployment = (name: string) => ({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
    metadata: { name, namespace: 'serving' },
  })
  beforeEach(() => {
    vi.stubEnv('KUBECONFIG', cluster.kubeconfig)
    Object.assign(cluster, { kinds: servedKinds, objects: [serving, deployment('chat-70b')], requests: [] })
  })

  /** A project that Argo CD delivers, so that a command asks the cluster and starts no engine. */
  async function project(context = 'stand-in'): Promise<string> {
    const settings = `regions: [us-east-1], delivery: gitops, clusters: {us-east-1: {context: ${context}}}`
    const cwd = projectFolder(capacityPlan(), configText(settings))
    expect(await failureOf(cwd, 'render')).toBe('')
    return cwd
  }
  const previewFailure = async (context?: string) => failureOf(await project(context), 'preview', ...asOf)

  it('a kubeconfig, or a context, that leads nowhere', async () => {
    expect(await previewFailure()).toBe('')
    expect(await previewFailure('gone')).toBe(
      '7 CLUSTER_UNREACHABLE: context "gone" (http://127.0.0.1:1) does not answer (ECONNREFUSED). Check the network ' +
        'or VPN, and that the context is the right one: environments.<env>.clusters.<region>.context in llmscale.yaml.',
    )
    expect(await previewFailure('stand-im')).toBe(
      '3 CONTEXT_UNKNOWN: the kubeconfig has no context "stand-im". Perhaps "stand-in": ' +
        'environments.<env>.clusters.<region>.context in llmscale.yaml.',
    )
    vi.stubEnv('KUBECONFIG', '/nowhere/kubeconfig')
    expect(await previewFailure()).toBe(
      '7 CLUSTER_UNREACHABLE: KUBECONFIG names /nowhere/kubeconfig, which is not there. Correct or unset KUBECONFIG.',
    )
  })

  it('credentials that have expired', async () => {
    const old = await previewFailure('old')
    expect(old).toMatch(/^7 CLUSTER_UNAUTHORIZED: context "old" .* they are wrong or have expired\. Sign in/)
    expect(old).not.toContain('Bearer')
    expect(await previewFailure('exec')).toMatch(
      /^7 CLUSTER_CREDENTIALS_FAILED: context "exec" .* cannot be had: the SSO session has expired\. Run kubectl/,
    )
  })

  it('a definition that is not installed, with the way to install it', async () => {
    const { 'keda.sh/v1alpha1': _keda, ...withoutKeda } = servedKinds
    cluster.kinds = withoutKeda
    const missing =
      '3 CRD_MISSING: the cluster does not know ScaledObject of keda.sh/v1alpha1: install KEDA (helm install keda keda ' +
      '--repo https://kedacore.github.io/charts --namespace keda --create-namespace), or set autoscaler: hpa in ' +
      'llmscale.yaml'
    expect(await previewFailure()).toBe(missing)
    const cwd = await project()
    expect(await failureOf(cwd, 'apply', '--dry-run', ...asOf)).toBe(missing)
    expect(await failureOf(cwd, 'apply', '--yes', ...asOf)).toBe(missing)
    const { 'karpenter.sh/v1': _karpenter, ...withoutKarpenter } = servedKinds
    cluster.kinds = withoutKarpenter
    expect(await previewFailure()).toMatch(
      /^3 CRD_MISSING: the cluster does not know NodePool of karpenter\.sh\/v1: install Karpenter \(helm install /,
    )
  })

  it('a target that is not there, with the one that was probably meant', async () => {
    cluster.objects = [serving, deployment('chat-7b')]
    expect(await previewFailure()).toBe(
      '3 TARGET_MISSING: namespace serving has no Deployment chat-70b, which ScaledObject serving/chat-70b-4216a7 ' +
        'scales; perhaps chat-7b: correct the target of the workload in llmscale.yaml',
    )
  })

  it.each([
    ['autoscaling/v2', 'HorizontalPodAutoscaler', ''],
    ['keda.sh/v1alpha1', 'ScaledObject', ', or take it over with target.autoscaler: theirs'],
  ])('a target that a %s %s of somebody else scales', async (apiVersion, kind, instead) => {
    const spec = { minReplicas: 1, scaleTargetRef }
    cluster.objects.push({ apiVersion, kind, metadata: { name: 'theirs', namespace: 'serving' }, spec })
    expect(await previewFailure()).toBe(
      `5 TARGET_OWNED: Deployment serving/chat-70b is already scaled by ${kind} serving/theirs: remove that one, from ` +
        `the chart that has it${instead}; two autoscalers fight over replicas`,
    )
    expect(cluster.requests.filter((line) => !/^GET |dryRun=All/.test(line))).toEqual([])
  })
})

describe('names that Kubernetes has no room for', () => {
  const long = 'x'.repeat(64)

  it.each([
    ['name', 'name: chat-70b,', `name: ${long},`, '10:38'],
    ['namespace', 'namespace: serving', `namespace: ${long}`, '10:59'],
    ['autoscaler', 'namespace: serving', `namespace: serving, autoscaler: ${long}`, '10:80'],
  ])('a %s of 64 characters', async (field, from, to, place) => {
    const cwd = projectFolder(capacityPlan(), configText().replace(from, to))
    for (const command of ['plan', 'render', 'preview'] as const)
      expect(await failureOf(cwd, command)).toBe(
        `3 CONFIG_INVALID: ./llmscale.yaml:${place} workloads[0].target.${field}: "${long}" is not a name in Kubernetes; use at most 63 of a-z, 0-9 ` +
          'and -',
      )
  })

  it('fit, whatever an environment and a model are called', async () => {
    const environment = 'e'.repeat(50)
    const model = 'm'.repeat(300)
    const config = configText().replace('prod:', `${environment}:`).replaceAll('chat-70b:', `${model}:`)
    const cwd = projectFolder(capacityPlan(), config.replace('model: chat-70b', `model: ${model}`))
    const target = { kind: 'Deployment', name: 'chat', namespace: 'serving' } as const
    writePlanFiles(
      join(cwd, 'forecasts', environment),
      capacityPlan({ environment, workloads: [workloadDecision({ model, target })] }),
    )
    expect(await failureOf(cwd, 'render')).toBe('')
    const longer = projectFolder(capacityPlan(), configText().replace('prod:', `${environment}e:`))
    expect(await failureOf(longer, 'render')).toBe(
      `3 CONFIG_INVALID: ./llmscale.yaml:3:3 environments.${environment}e: "${environment}e" is not a DNS label; use at ` +
        'most 50 of a-z, 0-9 and -',
    )
  })
})

describe('two workloads that collide', () => {
  const second = (target: string) =>
    configText().replace(
      'workloads:\n',
      `workloads:\n  - {model: chat-70b, tenant: batch, target: {kind: Deployment, ${target}}, slo: {ttftP95: 2s}}\n`,
    )

  it('on one target', async () => {
    const cwd = projectFolder(capacityPlan(), second('name: chat-70b, namespace: serving'))
    for (const command of ['plan', 'render', 'preview'] as const)
      expect(await failureOf(cwd, command)).toBe(
        '3 CONFIG_INVALID: ./llmscale.yaml:11:5 workloads[1].target: Deployment serving/chat-70b in us-east-1 already ' +
          'belongs to workloads[0]',
      )
  })

  it('on one name of an autoscaler', async () => {
    const config = second('name: batch, namespace: serving, autoscaler: chat')
    const cwd = projectFolder(
      capacityPlan(),
      config.replace('name: chat-70b, ', 'name: chat-70b, autoscaler: chat, '),
    )
    for (const command of ['plan', 'render', 'preview'] as const)
      expect(await failureOf(cwd, command)).toBe(
        '3 CONFIG_INVALID: ./llmscale.yaml:11:5 workloads[1].target: autoscaler chat in us-east-1 already belongs to ' +
          'workloads[0]',
      )
  })
})

describe('a plan of somewhere else', () => {
  it('of another environment', async () => {
    const cwd = projectFolder(capacityPlan({ environment: 'staging' }))
    for (const args of [['preview'], ['apply', '--yes']] as CommandLine[])
      expect(await failureOf(cwd, ...args, ...asOf)).toBe(
        '3 PLAN_OF_OTHER_ENVIRONMENT: the plan is of environment staging, the stack of prod\n' +
          'Name the folder of the right environment with --plan.',
      )
  })

  it('of a region that the environment does not serve from', async () => {
    const region = 'eu-west-1'
    const cwd = projectFolder(
      capacityPlan({ workloads: [workloadDecision({ region })], pools: [pool({ region })] }),
    )
    for (const args of [
      ['preview'],
      ['apply', '--yes'],
      ['apply', '--dry-run', '--region', region],
    ] as CommandLine[])
      expect(await failureOf(cwd, ...args, ...asOf)).toBe(
        '3 PLAN_OF_OTHER_REGION: the plan is of region eu-west-1; environments.prod.regions of llmscale.yaml has ' +
          'us-east-1\nRun `llmscale plan` again.\nWhat runs in the region stays until it is deleted: llmscale destroy ' +
          '--region, which asks first.',
      )
    expect(await failureOf(cwd, 'apply', '--region', 'us-east-1', ...asOf)).toMatch(
      /^2 REGION_UNKNOWN: The plan has nothing for region "us-east-1"; it has eu-west-1\./,
    )
  })
})

describe('a stack that somebody works on', () => {
  const stack = 'prod.us-east-1.serving'
  /** A project whose only stack has this lock. */
  function locked(lock: object): string {
    const cwd = projectFolder(capacityPlan())
    mkdirSync(join(cwd, '.llmscale/state/locks'), { recursive: true })
    writeFileSync(join(cwd, `.llmscale/state/locks/${stack}.json`), JSON.stringify(lock))
    return cwd
  }
  const held = {
    ...{ stack, runId: 'r1', by: 'ana', host: 'elsewhere', pid: 7, processSpace: null },
    since: '2026-11-01T00:00:00Z',
  }
  const apply = (cwd: string, ...args: string[]) => failureOf(cwd, 'apply', '--yes', ...asOf, ...args)

  it('is told with who does, and how to take it when that run is dead', async () => {
    const cwd = locked(held)
    expect(await apply(cwd)).toBe(
      `9 STACK_LOCKED: stack ${stack} is locked by ana since 2026-11-01T00:00:00Z: run r1, process 7 on elsewhere ` +
        '(./.llmscale/state)\nWait until that run ends.\n' +
        'If it is dead: --break-lock r1. What it left half done is found and finished.',
    )
    expect(await apply(cwd, '--break-lock', 'r2')).toBe(
      '9 LOCK_NOT_FOUND: run r2 locks none of these stacks; locked by r1',
    )
  })

  it('is locked too where the lock cannot be read', async () => {
    const cwd = locked({ version: 2 })
    expect(await apply(cwd)).toMatch(
      new RegExp(
        `^9 LOCK_UNREADABLE: locks/${stack}\\.json in \\./\\.llmscale/state is no lock that this version`,
      ),
    )
  })
})
