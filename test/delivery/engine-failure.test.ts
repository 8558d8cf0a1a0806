import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { explainEngineFailure } from '../../src/delivery/engine-failure.js'
import { engineEnvironment, engineFolder, engineNote } from '../engine.js'
import { emptyFolder } from '../run-cli.js'

// The words of Pulumi 3.246, its providers, the API server and EC2.
const failures: Record<string, string[]> = {
  'a conflict with one owner': [
    'resource "serving/chat-70b" was not successfully created by the Kubernetes API server: Server-Side Apply field conflict detected. See https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources for troubleshooting help.\nThe resource managed by field manager "pulumi-kubernetes-9b013652" had an apply conflict: Apply failed with 1 conflict: conflict with "argocd-controller" using autoscaling/v2: .spec.minReplicas',
  ],
  'conflicts with several owners': [
    'Apply failed with 3 conflicts: conflicts with "helm" using autoscaling/v2:\n- .spec.minReplicas\n- .spec.maxReplicas\nconflict with "kubectl-edit" using autoscaling/v2 at 2026-11-20T10:00:00Z: .spec.behavior',
  ],
  'a provider plug-in that is missing': [
    "no resource plugin 'pulumi-resource-kubernetes' found in the workspace at version v4.34.2 or on your $PATH",
  ],
  'a provider plug-in that cannot be fetched': [
    "Could not automatically download and install resource plugin 'pulumi-resource-aws' at version v7.48.0, install the plugin using `pulumi plugin install resource aws v7.48.0`.\nUnderlying error: dial tcp: lookup get.pulumi.com: no such host",
  ],
  'a language plug-in that is missing': [
    "failed to load language plugin nodejs: no language plugin 'pulumi-language-nodejs' found in the workspace or on your $PATH",
  ],
  'a stack that is locked': [
    'error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n  s3://state/.pulumi/locks/organization/llmscale/prod.us-east-1.serving/3f1c.json: created by ana@laptop (pid 4711) at 2026-11-20T10:00:00Z',
  ],
  'a stack that is locked in a service': ['error: [409] Conflict: Another update is currently in progress.'],
  'operations that were interrupted': [
    'Attempting to deploy or update resources with 1 pending operations from previous deployment.\n  * urn:pulumi:prod.us-east-1.capacity::llmscale::aws:eks/nodeGroup:NodeGroup::p5-a, interrupted while creating\nThese resources are in an unknown state because the Pulumi CLI was interrupted',
  ],
  'a wrong passphrase': ['error: getting secrets manager: passphrase: incorrect passphrase'],
  'no passphrase': [
    'error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables',
  ],
  'an AWS credential that has expired': [
    'operation error EKS: DescribeNodegroup, https response error StatusCode: 403, api error ExpiredTokenException: The security token included in the request is expired',
  ],
  'an SSO session that has expired': [
    'error: unable to validate AWS credentials. Details: get identity: get credentials: failed to refresh cached credentials, the SSO session has expired or is invalid: open /home/ana/.aws/sso/cache/0.json: no such file',
  ],
  'no AWS credentials': [
    'pulumi:providers:aws resource has a problem: No valid credential sources found. Details: no EC2 IMDS role found',
  ],
  'a vCPU quota that is too low': [
    '1 error occurred:\n\t* eks-p5: AsgInstanceLaunchFailures: Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 192 allows for the instance bucket that the specified instance type belongs to.',
  ],
  'no capacity': [
    'api error InsufficientInstanceCapacity: We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested (us-east-1a).',
  ],
  'no kubeconfig': [
    'configured Kubernetes cluster is unreachable: unable to load Kubernetes client configuration from kubeconfig file. Make sure you have:\n\n \t• set up the provider\n\n invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
  ],
  'a context that is unknown': [
    'configured Kubernetes cluster is unreachable: unable to load Kubernetes client configuration from kubeconfig file: context "prod" does not exist',
  ],
  'a cluster that refuses the credentials': [
    'configured Kubernetes cluster is unreachable: unable to load schema information from the API server: the server has asked for the client to provide credentials',
  ],
  'a cluster that does not answer': [
    'configured Kubernetes cluster is unreachable: unable to load schema information from the API server: Get "https://10.0.0.1:6443/openapi/v2?timeout=32s": dial tcp 10.0.0.1:6443: connect: connection refused',
  ],
  'a definition that is missing': [
    'creation of resource "serving/chat-70b" failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: no matches for kind "ScaledObject" in version "keda.sh/v1alpha1"',
  ],
  'a reservation that is protected': [
    'unable to delete resource "urn:pulumi:prod.us-east-1.capacity::llmscale::aws:ec2/capacityReservation:CapacityReservation::night-shift"\nas it is currently marked for protection.',
  ],
  'an object that exists already': [
    'resource "serving/chat-70b" was not successfully created by the Kubernetes API server: scaledobjects.keda.sh "chat-70b" already exists',
  ],
  'a node group that exists already': [
    'creating EKS Node Group (prod:p5-a): operation error EKS: CreateNodegroup, ResourceInUseException: NodeGroup already exists with name p5-a and cluster name prod',
  ],
  'two causes at once': [
    'no matches for kind "NodePool" in version "karpenter.sh/v1"',
    'Apply failed with 1 conflict: conflict with "flux" using keda.sh/v1alpha1: .spec.maxReplicaCount',
  ],
  'what nobody knows': ['something new', 'something new'],
}

describe('explainEngineFailure', () => {
  it('says what people read in test/golden/delivery/engine-failures.txt', async () => {
    const text = Object.entries(failures).map(([name, lines]) => {
      const { code, message, tryThis } = explainEngineFailure(lines)
      return [`## ${name}`, code, message, ...tryThis.map((each) => `→ ${each}`), ''].join('\n')
    })
    await expect(text.join('\n')).toMatchFileSnapshot('../golden/delivery/engine-failures.txt')
  })

  it('knows every one of these but the last, and keeps the words of the engine', () => {
    for (const [name, lines] of Object.entries(failures)) {
      const { code, message, tryThis } = explainEngineFailure(lines)
      const isKnown = name !== 'what nobody knows'
      expect(code !== 'ENGINE_FAILED', name).toBe(isKnown)
      expect(tryThis.length > 0, name).toBe(isKnown)
      for (const line of lines) expect(message).toContain(line)
    }
  })
})

describe.skipIf(engineFolder === undefined)(`what Pulumi says${engineNote}`, { timeout: 120_000 }, () => {
  const stack = 'organization/llmscale/prod.us-east-1.serving'
  let folder: string
  const pulumi = (args: string[], environment: NodeJS.ProcessEnv = {}) =>
    spawnSync('pulumi', [...args, '--non-interactive'], {
      cwd: folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        ...engineEnvironment,
        PATH: [engineEnvironment['PATH'], join(import.meta.dirname, '../doubles/bin')].join(':'),
        PULUMI_HOME: join(folder, 'home'),
        PULUMI_CONFIG_PASSPHRASE: 'right',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
        NO_COLOR: '1',
        ...environment,
      },
    })
  const explain = (run: ReturnType<typeof pulumi>) => {
    expect(run.status).not.toBe(0)
    return explainEngineFailure(`${run.stdout}\n${run.stderr}`.split('\n'))
  }

  beforeAll(() => {
    folder = emptyFolder()
    for (const name of ['home', 'state']) mkdirSync(join(folder, name))
    const backend = { url: `file://${join(folder, 'state')}` }
    writeFileSync(
      join(folder, 'Pulumi.yaml'),
      JSON.stringify({ name: 'llmscale', runtime: 'nodejs', backend }),
    )
    expect(pulumi(['stack', 'init', stack]).status).toBe(0)
    expect(pulumi(['config', 'set', '--secret', 'key', 'value']).status).toBe(0)
  })

  it('of passphrases', () => {
    const read = ['config', 'get', 'key']
    expect(explain(pulumi(read, { PULUMI_CONFIG_PASSPHRASE: 'wrong' })).code).toBe('PASSPHRASE_WRONG')
    expect(explain(pulumi(read, { PULUMI_CONFIG_PASSPHRASE: undefined })).code).toBe('PASSPHRASE_MISSING')
  })

  it('of a lock, which the command that we suggest removes', () => {
    const locks = join(folder, 'state/.pulumi/locks', stack)
    mkdirSync(locks, { recursive: true })
    writeFileSync(
      join(locks, 'other.json'),
      JSON.stringify({ pid: 4711, username: 'ana', hostname: 'laptop', timestamp: '2026-11-20T10:00:00Z' }),
    )
    const { code, message, tryThis } = explain(pulumi(['destroy', '--yes', '--skip-preview']))
    expect(code).toBe('STACK_LOCKED')
    expect(message).toMatch(
      /^ana@laptop \(process 4711\) has had the stack locked since 2026-11-20T10:00:00Z/,
    )
    const [, backend, command] = /PULUMI_BACKEND_URL='([^']+)' pulumi (.+)$/.exec(tryThis.at(-1)!)!
    expect(pulumi(command!.split(' '), { PULUMI_BACKEND_URL: backend }).status).toBe(0)
    expect(readdirSync(locks)).toEqual([])
    expect(pulumi(['destroy', '--yes', '--skip-preview']).status).toBe(0)
  })

  it('of a provider that is not there', () => {
    const { code, message } = explain(pulumi(['import', 'gcp:storage/bucket:Bucket', 'name', 'id', '--yes']))
    expect(code).toBe('PLUGIN_MISSING')
    expect(message).toContain('The engine lacks the resource plug-in gcp')
  })
})
