import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/environments.js'
import { git } from '../delivery/state-places.js'
import { emptyFolder } from '../run-cli.js'
import { runCommand } from '../run-command.js'

const config = `environments:
  prod:
    regions: [us-east-1]
    approval: github
    clusters: {us-east-1: {name: gpu, context: east}}
  staging: {regions: [us-east-1], delivery: gitops, clusters: {us-east-1: {context: staging}}}
metrics: {files: [demand.csv]}
shapes: [{instanceType: p5.48xlarge, gpusPerReplica: 1}]
workloads: [{model: llama-3.1-8b, target: {kind: Deployment, name: chat}, slo: {ttftP95: 2s}}]
`

describe('llmscale environments', () => {
  const folder = emptyFolder()
  const cwd = join(folder, 'fleet')
  const write = (path: string, text: string) => {
    mkdirSync(join(cwd, path, '..'), { recursive: true })
    writeFileSync(join(cwd, path), text)
  }
  const commit = () => {
    git(folder, 'add', '--all')
    git(
      folder,
      '-c',
      'user.name=ana',
      '-c',
      'user.email=ana@acme.example',
      'commit',
      '--quiet',
      '-m',
      'change',
    )
  }
  const list = async (...flags: string[]) => {
    const { code, stdout } = await runCommand(['environments', '--json', ...flags], { cwd })
    const { result, error } = JSON.parse(stdout)
    return { code, error, ...(result && Result.parse(result)) } as Partial<
      ReturnType<typeof Result.parse>
    > & {
      code: number
      error?: { code: string }
    }
  }
  const names = async (...flags: string[]) => (await list(...flags)).environments!.map(({ name }) => name)

  beforeAll(() => {
    git(folder, 'init', '--quiet', '--initial-branch=main')
    write('llmscale.yaml', config)
    write('forecasts/prod/plan.yaml', 'old')
    commit()
    git(folder, 'checkout', '--quiet', '-b', 'proposal')
    write('README.md', 'Fleet')
    commit()
  })

  it('lists what the configuration has, with the clusters that it names', async () => {
    expect((await list()).environments).toEqual([
      {
        name: 'prod',
        delivery: 'pulumi',
        approval: 'github',
        clusters: [{ name: 'gpu', region: 'us-east-1', context: 'east' }],
      },
      { name: 'staging', delivery: 'gitops', approval: 'none', clusters: [] },
    ])
  })

  it('can leave out those without a plan, and those that the branch did not change', async () => {
    expect(await names('--planned')).toEqual(['prod'])
    expect(await names('--changed-since', 'main')).toEqual([])
    write('forecasts/staging/holds/incident.yaml', 'new')
    commit()
    expect(await names('--changed-since', 'main')).toEqual(['staging'])
    expect(await names('--changed-since', 'main', '--planned')).toEqual([])
    write('stacks/config/Pulumi.prod.us-east-1.serving.yaml', 'new')
    commit()
    expect(await names('--changed-since', 'main')).toEqual(['prod', 'staging'])
    expect(await names('--changed-since', 'HEAD')).toEqual([])
  })

  it.each(['0000000000', '--output=stolen'])('refuses to compare with %s', async (since) => {
    expect(await list('--changed-since', since)).toMatchObject({ code: 7, error: { code: 'GIT_FAILED' } })
  })

  it('takes the configuration that LLMSCALE_CONFIG names', async () => {
    const { code, stdout } = await runCommand(['environments'], {
      env: { LLMSCALE_CONFIG: join(cwd, 'llmscale.yaml') },
    })
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^prod +pulumi +github +gpu \(us-east-1\)$/m)])
  })
})
