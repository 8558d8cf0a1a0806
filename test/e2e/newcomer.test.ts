import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/init.js'
import { git } from '../delivery/state-places.js'
import { engineFolder, engineNote } from '../engine.js'
import { readYaml, type Workflow } from '../stand-in-runner.js'
import { hasS3, s3Note } from '../stand-in-s3.js'
import { type Company, merge, startCompany, waveDemand } from './cycle-fixture.js'

// A person who has read nothing but what `init --github` prints. GitHub's settings and roles of AWS are not played:
// steps that make them are read and passed over.

const settings = (backend: string) => `
    approval: github
    backend: "${backend}"
    budget: { usdPerDay: 50000 }`

const isMissing = engineFolder === undefined || !hasS3

describe.skipIf(isMissing)(`a newcomer${engineNote}${s3Note}`, { timeout: 300_000 }, () => {
  let company: Company
  beforeAll(async () => {
    company = await startCompany()
    company.setTime('2026-11-02T04:00:00Z')
    await company.putDemand(waveDemand('2026-10-05T00:00:00Z', '2026-11-02T04:00:00Z', () => 1))
  })
  afterAll(async () => {
    await company.stop()
  })

  it('comes from an empty repository to the first pull request, and to its apply, by the printed steps', async () => {
    const { github } = company
    const desk = company.desk()
    const { code, stdout } = await desk.run('init', '--github', '--owner', '@acme/platform', '--json')
    expect(code, stdout).toBe(0)
    const { steps } = Result.parse(JSON.parse(stdout).result)

    const plays: [step: RegExp, play: (step: string) => unknown][] = [
      [/^npm install, /, () => writeFileSync(join(desk.folder, 'package-lock.json'), '{}\n')],
      [
        /^In llmscale\.yaml set metrics, .* backend .*, budget and approval: github\.$/,
        () => {
          const path = join(desk.folder, 'llmscale.yaml')
          const text = readFileSync(path, 'utf8')
            .replace(/\n *# budget: .*/, settings(company.backend))
            .replace('files: [demand.csv]', "files: ['s3://fleet/demand.csv']")
          writeFileSync(path, text)
        },
      ],
      [
        /^Push a first commit to main, /,
        () => {
          const first = company.desk().folder
          company.push(first, 'ada', 'main')
          git(desk.folder, 'pull', '--quiet', 'origin', 'main')
        },
      ],
      [
        /^Commit the rest, and bring it to main by a pull request that somebody else approves/,
        () => {
          company.push(desk.folder, 'ada', 'setup')
          merge(github, github.open('setup', 'llmscale', 'ada'))
          git(desk.folder, 'fetch', '--quiet', 'origin')
          git(desk.folder, 'checkout', '--quiet', '--detach', 'origin/main')
        },
      ],
      [
        /^(Make two roles in AWS|gh (variable|secret) set|gh label create|Settings, |Where the|Make a GitHub App|Without an App: Settings|Protect main: )/,
        () => undefined,
      ],
      [/^With credentials .*: (llmscale .*), once;/, (step) => desk.shell(/: (.*), once/.exec(step)![1]!)],
      [/^gh workflow run plan\.yml: the first plan\.$/, runPlanWorkflow],
    ]
    for (const step of steps) {
      const found = plays.filter(([pattern]) => pattern.test(step))
      expect(found, step).toHaveLength(1)
      await found[0]![1](step)
    }

    const [, proposal] = github.pulls
    expect(proposal).toMatchObject({ number: 2, branch: 'llmscale/production', state: 'open' })
    expect(proposal!.body).toContain('**First plan of production, 1 workload')
    merge(github, 2)
    const applied = await company.job().run('apply', '--yes')
    expect([applied.code, applied.stderr]).toEqual([0, expect.stringMatching(/^Receipt /)])
  })

  /** The scripts of the workflow that was committed; test/e2e/workflows.test.ts runs it whole. */
  async function runPlanWorkflow(): Promise<void> {
    const job = company.job()
    const { jobs } = readYaml<Workflow>(join(job.folder, '.github/workflows/plan.yml'))
    const scripts = jobs['plan']!.steps.flatMap(({ run = [] }) => run)
    expect(scripts.length).toBeGreaterThan(2)
    for (const script of scripts)
      await job.shell(script, {
        GITHUB_EVENT_NAME: 'workflow_dispatch',
        LLMSCALE_CONFIG: 'llmscale.yaml',
        LLMSCALE_ENV: 'production',
      })
  }
})
