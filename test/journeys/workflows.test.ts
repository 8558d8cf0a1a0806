import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Result } from '../../src/commands/init.js'
import { starterConfig } from '../../src/config/starter-config.js'
import { createBucketStore } from '../../src/delivery/state-bucket.js'
import { bareRepository, git } from '../delivery/state-places.js'
import { engineFolder, engineNote } from '../engine.js'
import { emptyFolder } from '../run-cli.js'
import { type JobRun, type Workflow, workflowOf } from '../stand-in-runner.js'
import { hasS3, s3Note } from '../stand-in-s3.js'
import { type Company, merge, roleArn, startCompany, waveDemand } from './company.js'

const root = resolve(import.meta.dirname, '../..')

// A person who has read nothing but what `init --github` prints, and then the workflows that it copied. GitHub's settings
// and roles of AWS are not played: steps that make them are read and passed over.

const settings = (backend: string) => `
    approval: github
    backend: "${backend}"
    budget: { usdPerDay: 50000 }
    nodes: { nodeClass: gpu }`

const branch = 'llmscale/production'
const isMissing = engineFolder === undefined || !hasS3

describe.skipIf(isMissing)(
  `the workflows in a repository${engineNote}${s3Note}`,
  { timeout: 600_000 },
  () => {
    let company: Company
    /** The bot's commit. */
    let proposed: string
    beforeAll(async () => {
      company = await startCompany()
      company.setTime('2026-11-02T04:00:00Z')
      await company.putDemand(waveDemand('2026-10-19T00:00:00Z', '2026-11-02T04:00:00Z', () => 1))
    })
    afterAll(() => company.stop())

    /** A commit on a branch, on top of main; gives its id. */
    function commit(
      branch: string,
      change: (folder: string) => void,
      repository = company.github.repository,
    ) {
      const folder = join(emptyFolder(), 'clone')
      git('/', 'clone', '--quiet', `file://${repository}`, folder)
      change(folder)
      company.push(folder, 'ada', branch)
      return git(folder, 'rev-parse', 'HEAD')
    }

    function edit(folder: string, from: string | RegExp, to: string): void {
      const path = join(folder, 'llmscale.yaml')
      writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
    }

    const head = (name: string) => git(company.github.repository, 'rev-parse', `refs/heads/${name}`)
    const filesOf = (base: string, ref: string) =>
      git(company.github.repository, 'diff', '--name-only', base, ref).split('\n')
    const app = { LLMSCALE_APP_ID: '4711' }
    const results = (runs: readonly JobRun[]) =>
      Object.fromEntries(runs.map(({ job, result }) => [job, result]))
    const outputOf = (runs: readonly JobRun[], step: string) =>
      runs.flatMap(({ steps }) => steps).find(({ name }) => name === step)?.output
    const said = (runs: readonly JobRun[]) =>
      runs.flatMap(({ steps }) => steps.map(({ output }) => output)).join('\n')
    const allWell = (runs: readonly JobRun[], expected: Record<string, string>) =>
      expect(results(runs), said(runs)).toEqual(expected)

    it('come to the first pull request by the steps that init prints, with a role that only reads', async () => {
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
            edit(desk.folder, /\n *# budget: .*/, settings(company.backend))
            edit(desk.folder, 'files: [demand.csv]', "files: ['s3://fleet/demand.csv']")
          },
        ],
        [
          /^Push a first commit to main, /,
          () => {
            company.push(company.desk().folder, 'ada', 'main')
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
        [/^gh workflow run plan\.yml: the first plan\.$/, firstPlan],
      ]
      for (const step of steps) {
        const found = plays.filter(([pattern]) => pattern.test(step))
        expect(found, step).toHaveLength(1)
        await found[0]![1](step)
      }
    })

    async function firstPlan(): Promise<void> {
      const { github } = company
      const runs = await company.start('plan.yml', { name: 'workflow_dispatch', vars: app })
      allWell(runs, { environments: 'success', plan: 'success', dashboard: 'success', heartbeat: 'success' })
      expect(company.asked()).toContain('app 4711')
      expect(company.asked().match(/^(role|aws|curl).*/gm)).toEqual(
        Array(2).fill(`role ${roleArn('preview')}`),
      )
      expect(github.issues[0]!.body).toMatch(/\| `production` \| \*\*open\*\*: .* \| #2 \|/)
      expect(github.pulls[1]).toMatchObject({ branch, base: 'main', state: 'open' })
      expect(github.pulls[1]!.body).toContain('**First plan of production, 1 workload')
      expect(github.violations).toEqual([])
      proposed = head(branch)
      expect(filesOf('main', proposed)).toEqual([
        'forecasts/production/changes.json',
        expect.stringMatching(/^forecasts\/production\/charts\/.*\.svg$/),
        'forecasts/production/plan.yaml',
        expect.stringMatching(/^forecasts\/production\/workloads\/.*\.yaml$/),
      ])
    }

    it('plan refuses an environment that is not there', async () => {
      const { environments, plan } = workflowOf('plan.yml').jobs
      const workflow = { ...workflowOf('plan.yml'), jobs: { environments: environments!, plan: plan! } }
      const inputs = { environment: 'prodution' }
      const runs = await company.start(workflow, { name: 'workflow_dispatch', inputs })
      expect(results(runs)).toEqual({ environments: 'failure', plan: 'skipped' })
      expect(said(runs)).toContain(
        '::error::llmscale.yaml has no environment of the name that was asked for.',
      )
    })

    const pullRequest = (sha: string, from = 'acme/fleet') => ({
      name: 'pull_request',
      sha,
      branch,
      payload: { pull_request: { head: { sha, repo: { full_name: from } } } },
    })

    it('preview accepts what was proposed', async () => {
      const runs = await company.start('preview.yml', pullRequest(proposed))
      allWell(runs, { environments: 'success', preview: 'success', compare: 'skipped', verdict: 'success' })
      expect(outputOf(runs, 'Preview')).toMatch(/^changes +passed .*2 changes, all reviewed/m)
      expect(company.asked()).toContain(`role ${roleArn('preview')}`)
    })

    it('preview refuses a change set that is not what would change', async () => {
      const edited = commit('edited', (folder) => {
        git(folder, 'checkout', '--quiet', proposed)
        const path = join(folder, 'forecasts/production/changes.json')
        const changes = JSON.parse(readFileSync(path, 'utf8'))
        const [stack] = Object.keys(changes.stacks).filter((name) => name.endsWith('serving'))
        changes.stacks[stack!].changes.pop()
        writeFileSync(path, JSON.stringify(changes))
      })
      const runs = await company.start('preview.yml', pullRequest(edited))
      expect(results(runs)).toMatchObject({ environments: 'success', preview: 'failure', verdict: 'failure' })
      expect(outputOf(runs, 'Preview')).toMatch(/^changes +refused .* was not reviewed/m)
      const removed = commit('removed', (folder) => {
        git(folder, 'checkout', '--quiet', proposed)
        rmSync(join(folder, 'forecasts/production/changes.json'))
      })
      const without = await company.start('preview.yml', pullRequest(removed))
      expect(outputOf(without, 'Preview')).toContain(
        '::error::There is no ./forecasts/production/changes.json',
      )
    })

    it('preview gives a fork nothing, and a change of other files no work', async () => {
      const fork = await company.start('preview.yml', pullRequest(proposed, 'eve/fleet'))
      expect(results(fork)).toMatchObject({ environments: 'success', preview: 'skipped', verdict: 'failure' })
      expect(said(fork)).toContain('::error::A plan from a fork cannot be previewed')
      expect(company.asked()).not.toContain('role')
      const prose = commit('prose', (folder) => writeFileSync(join(folder, 'README.md'), 'Fleet\n'))
      const runs = await company.start('preview.yml', pullRequest(prose))
      expect(results(runs)).toMatchObject({ environments: 'success', preview: 'skipped', verdict: 'success' })
      expect(company.asked()).not.toContain('role')
    })

    it('apply fails while the kill switch is on, and deploys what was merged, by its own role', async () => {
      const { github } = company
      const before = head('main')
      merge(github, 2)
      const dispatch = { name: 'workflow_dispatch', vars: { LLMSCALE_KILL_SWITCH: '1' } }
      const stopped = await company.start('apply.yml', dispatch)
      expect(results(stopped)).toEqual({ environments: 'success', apply: 'failure' })
      expect(outputOf(stopped, 'Apply')).toContain('LLMSCALE_KILL_SWITCH is set')
      expect(outputOf(stopped, 'Receipt')).toContain('LLMSCALE_KILL_SWITCH is set')

      const store = createBucketStore(company.backend, 'llmscale-state')
      expect(await store.list('receipts')).toEqual([])
      const runs = await company.start('apply.yml', { name: 'push', payload: { before } })
      allWell(runs, { environments: 'success', apply: 'success' })
      expect(company.asked()).toContain(`role ${roleArn('apply')}`)
      expect(await store.list('receipts/production')).toHaveLength(1)
      expect(await store.list('locks')).toEqual([])
      const [receipt] = github.comments
      expect(receipt).toMatchObject({ number: 2 })
      expect(receipt!.body).toMatch(/\*\*Applied plan `\w+` to `production`\*\*: 2 created/)

      const elsewhere = await company.start('apply.yml', { name: 'workflow_dispatch', branch: 'setup' })
      expect(results(elsewhere)).toEqual({ environments: 'skipped', apply: 'skipped' })
    })

    it('verify finds nothing wrong, and the next plan is the same', async () => {
      const { github } = company
      const runs = await company.start('verify.yml', { name: 'schedule' })
      allWell(runs, {
        environments: 'success',
        verify: 'success',
        dashboard: 'success',
        heartbeat: 'success',
      })
      expect(outputOf(runs, 'Verify')).toMatch(/"verdict": "(keep|unknown)"/)
      const written = github.writes().length
      const next = await company.start('plan.yml', { name: 'schedule', vars: app })
      allWell(next, { environments: 'success', plan: 'success', dashboard: 'success', heartbeat: 'success' })
      expect(outputOf(next, 'Preview')).toContain('The plan is the one in force')
      expect([github.pulls.length, github.writes().length]).toEqual([2, written])
    })

    it('dashboard writes nothing on schedule, and obeys the box that a person ticks', async () => {
      const { github } = company
      const scheduled = await company.start('dashboard.yml', { name: 'schedule' })
      allWell(scheduled, { dashboard: 'success' })
      expect(outputOf(scheduled, 'Dashboard')).toMatch(/: unchanged\.$/m)
      const issue = github.issues[0]!
      const before = issue.body
      expect(before).toContain('| `production` | **steady**')
      issue.body = before.replace(/\[ \](?= <!-- llmscale:control hold production)/, '[x]')
      const payload = {
        action: 'edited',
        sender: { login: 'bob', type: 'User' },
        changes: { body: { from: before } },
        issue: {
          number: issue.number,
          body: issue.body,
          labels: issue.labels.map((name) => ({ name })),
          updated_at: '2026-11-02T08:00:00Z',
        },
      }
      const edited = await company.start('dashboard.yml', { name: 'issues', payload })
      allWell(edited, { dashboard: 'success' })
      expect(issue.body).toBe(before)
      expect(github.pulls.at(-1)).toMatchObject({ branch: `${branch}.hold`, state: 'open' })
      expect(github.violations).toEqual([])
      for (const other of [{ body: 'It is slow.' }, { labels: [] }]) {
        const event = { name: 'issues', payload: { ...payload, issue: { ...payload.issue, ...other } } }
        expect(results(await company.start('dashboard.yml', event))).toEqual({ dashboard: 'skipped' })
      }
    })

    it('preview says on a pull request of people what their change of llmscale.yaml does', async () => {
      const { github } = company
      const capped = commit('capped', (folder) => edit(folder, '    # maxReplicas: 40', '    maxReplicas: 1'))
      const number = github.open('capped', 'Cap', 'ada')
      const { payload, ...event } = pullRequest(capped)
      const opened = {
        ...event,
        branch: 'capped',
        payload: { pull_request: { ...payload.pull_request, number } },
      }
      const runs = await company.start('preview.yml', opened)
      const well = { environments: 'success', preview: 'skipped', compare: 'success', verdict: 'success' }
      allWell(runs, well)
      const comments = github.comments.filter((each) => each.number === number)
      expect(comments).toMatchObject([{ login: 'llmscale[bot]' }])
      expect(comments[0]!.body).toMatch(
        /^<!-- llmscale:diff env=production .* -->\n\n### Capacity of `production`/,
      )
      expect(comments[0]!.body).toContain('**1,<br>max&nbsp;1**')
      expect(github.violations).toEqual([])
      const fork = { ...opened, payload: pullRequest(capped, 'eve/fleet').payload }
      expect(results(await company.start('preview.yml', fork))).toMatchObject({ compare: 'skipped' })
    })

    it('plan and verify render what Argo CD or Flux deliver', async () => {
      const { github } = company
      // After the plans of the tests before, whose clock may have gone on.
      company.setTime('2026-11-02T04:30:00Z')
      commit('main', (folder) => {
        edit(folder, '    approval: github', '    approval: github\n    delivery: gitops')
        edit(folder, /$/, 'planning: { decreaseCap: 60% }\n')
      })
      await company.putDemand(waveDemand('2026-10-19T00:00:00Z', '2026-11-02T04:00:00Z', () => 1.9))
      const { environments, plan } = workflowOf('plan.yml').jobs
      const planned = await company.start(
        { ...workflowOf('plan.yml'), jobs: { environments: environments!, plan: plan! } },
        { name: 'push' },
      )
      allWell(planned, { environments: 'success', plan: 'success' })
      const rendered = (ref: string) => filesOf('main', ref).filter((path) => path.startsWith('manifests/'))
      const objects = ['nodepool', 'scaledobject'].map((kind) =>
        expect.stringMatching(new RegExp(`^manifests/production/us-east-1/${kind}\\..*\\.yaml$`)),
      )
      expect(rendered(branch)).toEqual(objects)
      const { number } = github.pulls.find((pull) => pull.branch === branch && pull.state === 'open')!
      merge(github, number)
      company.setTime('2026-11-02T05:00:00Z')
      const reverted = await company.start(revertOf('too small'), { name: 'schedule' })
      allWell(reverted, { environments: 'success', verify: 'success' })
      expect(rendered(`${branch}.rollback`)).toEqual(objects)
    })

    /** verify.yml where the verdict is given: its last steps alone. */
    function revertOf(reason: string): Workflow {
      const workflow = workflowOf('verify.yml')
      const { environments, verify } = workflow.jobs
      const steps = verify!.steps.map((step) =>
        step.id === 'verify'
          ? {
              id: 'verify',
              env: { RESULT: JSON.stringify({ result: { reason } }) },
              run: 'printenv RESULT > "$RUNNER_TEMP/verify.json"; echo verdict=revert >> "$GITHUB_OUTPUT"; echo drifts=0 >> "$GITHUB_OUTPUT"',
            }
          : step,
      )
      return { ...workflow, jobs: { environments: environments!, verify: { ...verify!, steps } } }
    }

    it('the action names the clusters of the environment, and takes no role for a list', async () => {
      const repository = bareRepository()
      const clusters =
        'clusters: { us-east-1: { name: gpu, context: gpu-east }, eu-west-1: { name: gpu-eu } }'
      commit(
        'main',
        (folder) => {
          cpSync(join(root, '.github'), join(folder, '.github'), { recursive: true })
          const regions = `regions: [us-east-1, eu-west-1]\n    ${clusters}`
          writeFileSync(join(folder, 'llmscale.yaml'), starterConfig)
          edit(folder, 'regions: [us-east-1]', regions)
          writeFileSync(join(folder, 'package-lock.json'), '{}')
        },
        repository,
      )
      const checkout = { uses: 'actions/checkout@x' }
      const jobs = (inputs: Record<string, unknown>) => ({
        probe: { 'runs-on': 'any', steps: [checkout, { uses: './.github', with: inputs }] },
      })
      const { env } = workflowOf('plan.yml')
      const start = (inputs: Record<string, unknown>) =>
        company.start({ on: {}, env: env!, jobs: jobs(inputs) }, { name: 'schedule', repository })
      allWell(await start({ environment: 'production', role: roleArn('preview') }), { probe: 'success' })
      expect(company.asked().match(/^(role|aws|curl).*/gm)).toEqual([
        `role ${roleArn('preview')}`,
        'aws eks update-kubeconfig --name gpu --region us-east-1 --alias gpu-east',
        'aws eks update-kubeconfig --name gpu-eu --region eu-west-1 --alias gpu-eu',
      ])
      const listing = await start({ planned: true })
      expect([results(listing), said(listing)]).toEqual([
        { probe: 'success' },
        expect.stringContaining('Environments: []'),
      ])
      expect(company.asked()).not.toMatch(/^(role|aws|curl)/m)
    })

    it.each([
      ['plan.yml', 'verify.yml disabled_inactivity', 'verify.yml is disabled_inactivity'],
      [
        'verify.yml',
        'plan.yml active 2026-01-01T04:17:00Z',
        'plan.yml last ran on schedule at 2026-01-01T04:17:00Z',
      ],
    ])('%s tells of %s', async (file, workflows, message) => {
      const { heartbeat } = workflowOf(file).jobs
      const environment = { STAND_IN_WORKFLOWS: workflows }
      const workflow = { ...workflowOf(file), jobs: { heartbeat: heartbeat! } }
      const runs = await company.start(workflow, { name: 'schedule', environment })
      expect(results(runs)).toEqual({ heartbeat: 'failure' })
      expect(said(runs)).toContain(`::error::${message}`)
    })

    it.each(['plan.yml', 'preview.yml', 'apply.yml', 'verify.yml', 'dashboard.yml'])(
      '%s ends well without a configuration, and says so',
      async (file) => {
        const repository = bareRepository()
        const copy = (folder: string) =>
          cpSync(join(root, '.github'), join(folder, '.github'), { recursive: true })
        commit('main', copy, repository)
        const runs = await company.start(file, { name: 'workflow_dispatch', repository })
        expect(Object.values(results(runs))).not.toContain('failure')
        expect(said(runs)).toContain('::notice::There is no llmscale.yaml here: nothing to do.')
        expect(company.asked()).not.toContain('npm')
      },
    )
  },
)
