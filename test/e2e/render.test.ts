import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { Result } from '../../src/commands/render.js'
import { capacityPlan, pool, workloadDecision } from '../plan-fixture.js'
import { projectFolder, writePlanFiles } from '../project-fixture.js'
import { runCli } from '../run-cli.js'

const render = (cwd: string, ...args: string[]) => runCli(['render', ...args], { cwd })
const rendered = (cwd: string, region = 'us-east-1') => {
  const folder = join(cwd, 'manifests/prod', region)
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  )
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
})
