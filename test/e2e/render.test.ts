import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { Result } from '../../src/commands/render.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { configText, projectFolder, writePlanFiles } from '../project-fixture.js'
import { runCommand } from '../run-command.js'

const render = (cwd: string, ...args: string[]) => runCommand(['render', ...args], { cwd })
const rendered = (cwd: string, region = 'us-east-1') => {
  const folder = join(cwd, 'manifests/prod', region)
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  )
}

/** Sets fields of the environment `prod`. */
function configure(cwd: string, environment: object): void {
  const path = join(cwd, 'llmscale.yaml')
  const config = parse(readFileSync(path, 'utf8'))
  Object.assign(config.environments.prod, environment)
  writeFileSync(path, stringify(config))
}

describe('llmscale render', () => {
  it('writes one file an object and region, the same bytes every time', async () => {
    const plan = capacityPlan({
      workloads: [workloadDecision(), workloadDecision({ region: 'eu-west-1', timeZone: 'Europe/Berlin' })],
      pools: [pool(), pool({ region: 'eu-west-1' })],
    })
    const cwd = projectFolder(plan)
    const { code, stdout, stderr } = await render(cwd)
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(4)
    expect(stderr).toContain('Rendered 4 objects')
    const files = rendered(cwd)
    expect(Object.keys(files)).toEqual([
      'nodepool.prod-p5-48xlarge-on-demand-e88e2a.yaml',
      'scaledobject.serving.chat-70b-4216a7.yaml',
    ])
    expect(Object.keys(rendered(cwd, 'eu-west-1'))).toEqual(Object.keys(files))
    await render(cwd)
    expect(rendered(cwd)).toEqual(files)
  })

  it('says where it renders servers that no transform of a program is applied', async () => {
    const cwd = projectFolder(
      capacityPlan(),
      configText().replace(
        '    slo: ',
        '    lengthLimits: {inputTokens: 8192, outputTokens: 1024}\n' +
          '    serve: {image: "vllm/vllm-openai:v0.20.0", model: meta-llama/Llama-3.1-70B-Instruct}\n    slo: ',
      ),
    )
    const { code, stderr } = await render(cwd)
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('a transform of your own Pulumi program is not'),
    ])
    expect((await render(projectFolder(capacityPlan()))).stderr).not.toContain('transform')
  })

  it('prints a stream of documents that kubectl takes', async () => {
    const { code, stdout } = await render(projectFolder(capacityPlan()), '--stdout', '--quiet')
    expect(code).toBe(0)
    expect(parseAllDocuments(stdout).map((document) => (document.toJS() as { kind: string }).kind)).toEqual([
      'ScaledObject',
      'NodePool',
    ])
  })

  it('gives JSON of the published form', async () => {
    const cwd = projectFolder(capacityPlan())
    const args = ['--plan', 'forecasts/prod', '--out', 'out', '--json']
    const { code, stdout } = await render(cwd, ...args)
    expect(code).toBe(0)
    const { objects } = Result.parse(JSON.parse(stdout).result)
    expect(objects.map(({ file }) => file).sort()).toEqual(
      readdirSync(join(cwd, 'out/us-east-1')).map((name) => join('out/us-east-1', name)),
    )
  })

  it('names files of objects that are gone and removes none', async () => {
    const cwd = projectFolder(capacityPlan())
    await render(cwd)
    const own = join(cwd, 'manifests/prod/us-east-1/kustomization.yaml')
    writeFileSync(own, 'resources: []\n')
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan({ pools: [] }))
    const { code, stderr } = await render(cwd)
    expect(code).toBe(0)
    expect(stderr).toMatch(/Warning: .*nodepool\.prod-p5-48xlarge-on-demand-e88e2a\.yaml is not in this plan/)
    expect(stderr).not.toContain('kustomization')
    expect(Object.keys(rendered(cwd))).toHaveLength(3)

    const pruned = await render(cwd, '--prune')
    expect([pruned.code, pruned.stderr]).toEqual([0, expect.not.stringContaining('is not in this plan')])
    expect(pruned.stdout).toMatch(/^removed .*nodepool\.prod-p5-48xlarge-on-demand-e88e2a\.yaml$/m)
    expect((await render(cwd, '--check')).code).toBe(0)
  })

  it('refuses a file where a folder should be, and a folder where a file should be', async () => {
    const cwd = projectFolder(capacityPlan())
    writeFileSync(join(cwd, 'manifests'), '')
    const file = await render(cwd)
    expect(file.code).toBe(14)
    expect(file.stderr).toMatch(/manifests\/prod\/us-east-1\/.* cannot be written: /)
    mkdirSync(join(cwd, 'out/us-east-1/scaledobject.serving.chat-70b-4216a7.yaml'), { recursive: true })
    expect((await render(cwd, '--out', 'out')).code).toBe(14)
  })

  it('refuses a plan without a reactive trigger, a plan that is missing and one edited by hand', async () => {
    const without = await render(
      projectFolder(capacityPlan({ workloads: [workloadDecision({ trigger: null })] })),
    )
    expect(without.code).toBe(3)
    expect(without.stderr).toMatch(/trigger\.serverAddress and trigger\.query/)
    const missing = await render(projectFolder(capacityPlan()), '--plan', 'nowhere')
    expect(missing.code).toBe(3)
    expect(missing.stderr).toContain('nowhere/plan.yaml')
    const cwd = projectFolder(capacityPlan())
    const path = join(cwd, 'forecasts/prod/plan.yaml')
    writeFileSync(path, readFileSync(path, 'utf8').replace('maximumNodes: 20', 'maximumNodes: 200'))
    expect((await render(cwd)).code).toBe(12)
  })

  it('checks that a folder is as the plan gives it, and writes nothing', async () => {
    const cwd = projectFolder(capacityPlan())
    const missing = await render(cwd, '--check')
    expect([missing.code, readdirSync(cwd).includes('manifests')]).toEqual([10, false])
    expect(missing.stdout.trim().split('\n')).toEqual([
      'missing    manifests/prod/us-east-1/scaledobject.serving.chat-70b-4216a7.yaml',
      'missing    manifests/prod/us-east-1/nodepool.prod-p5-48xlarge-on-demand-e88e2a.yaml',
    ])
    await render(cwd)
    expect(await render(cwd, '--check')).toMatchObject({ code: 0, stdout: '' })

    const edited = join(cwd, 'manifests/prod/us-east-1/scaledobject.serving.chat-70b-4216a7.yaml')
    const text = readFileSync(edited, 'utf8').replace('maxReplicaCount: 40', 'maxReplicaCount: 400')
    writeFileSync(edited, text)
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan({ pools: [] }))
    const { code, stdout } = await render(cwd, '--check', '--json')
    expect(code).toBe(10)
    expect(Result.parse(JSON.parse(stdout).result).differences?.map(({ state }) => state)).toEqual([
      'different',
      'stale',
    ])
    expect(readFileSync(edited, 'utf8')).toBe(text)
  })

  it('writes nothing under the kill switch, and still prints and checks', async () => {
    const cwd = projectFolder(capacityPlan())
    const run = (...args: string[]) =>
      runCommand(['render', ...args], { cwd, env: { LLMSCALE_KILL_SWITCH: '1' } })
    const { code, stderr } = await run()
    expect([code, stderr]).toEqual([9, expect.stringContaining('LLMSCALE_KILL_SWITCH is set')])
    expect(readdirSync(cwd)).not.toContain('manifests')
    expect([(await run('--check')).code, (await run('--stdout')).code]).toEqual([10, 0])
  })

  it('names the files of a region that the plan has left', async () => {
    const both = { workloads: [workloadDecision(), workloadDecision({ region: 'eu-west-1' })] }
    const cwd = projectFolder(capacityPlan(both))
    configure(cwd, { regions: ['us-east-1', 'eu-west-1'] })
    await render(cwd)
    writePlanFiles(join(cwd, 'forecasts/prod'), capacityPlan())
    expect((await render(cwd)).stderr).toMatch(/eu-west-1\/scaledobject\.serving\.chat.* is not in this plan/)
  })

  it('writes where Argo CD or Flux looks, and never over a file that somebody else wrote', async () => {
    const cwd = projectFolder(capacityPlan())
    const path = 'clusters/{region}/llmscale-{environment}'
    configure(cwd, { delivery: 'gitops', gitops: { path, format: 'kustomize' } })
    const { code, stdout } = await render(cwd)
    expect(code).toBe(0)
    const folder = 'clusters/us-east-1/llmscale-prod'
    expect(stdout.trim().split('\n')).toEqual(
      [
        'kustomization.yaml',
        'scaledobject.serving.chat-70b-4216a7.yaml',
        'nodepool.prod-p5-48xlarge-on-demand-e88e2a.yaml',
      ].map((name) => join(folder, name)),
    )
    writeFileSync(join(cwd, folder, 'kustomization.yaml'), 'resources: [ours.yaml]\n')
    const refused = await render(cwd)
    expect(refused.code).toBe(14)
    expect(refused.stderr).toContain(
      `${folder}/kustomization.yaml cannot be written: it was not written by llmscale`,
    )
  })

  it('says what a constant floor costs where the cluster has no KEDA', async () => {
    const cwd = projectFolder(capacityPlan())
    configure(cwd, { autoscaler: 'hpa' })
    const { code, stderr } = await render(cwd)
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /1,976 replica-hours a week and 11,293 USD a day more than with KEDA \(chat-70b\/us-east-1 21\)/,
    )
  })
})
